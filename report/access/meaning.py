"""Reports the difference between two sets of grants as what it means: who gains and who loses what, where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from report.access.facts import EVERY_REPOSITORY, NOT_UNDERSTOOD
from report.access.grants import NOT_SHOWN, ORDER, Access, Grant

Sign: TypeAlias = Literal["gains", "loses", "changes"]

Name: TypeAlias = tuple[str, str]
"""A ServiceAccount and the identity that it acts as."""

_ANY_REPOSITORY = (EVERY_REPOSITORY, NOT_UNDERSTOOD)

_Who: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One change of access. ``what`` are verbs; ``before`` and ``after`` the identities that act, where they differ."""

    sign: Sign
    stack: str
    cluster: str
    namespace: str
    what: tuple[str, ...]
    host: str
    repository: str
    before: tuple[Name, ...]
    after: tuple[Name, ...]


def sentences(access: Access) -> list[Sentence]:
    """What changes for whom: losses first, for they break builds; then gains; then those who only act as someone else."""
    old, new = _by_who(access.before), _by_who(access.after)
    wide_before = [(who, _verbs(grants)) for who, grants in old.items() if _is_wide(who)]
    wide_after = [(who, _verbs(grants)) for who, grants in new.items() if _is_wide(who)]
    found: list[Sentence] = []
    for who in sorted(old.keys() | new.keys()):
        before, after = old.get(who, []), new.get(who, [])
        had, has = _verbs(before), _verbs(after)
        names_before, names_after = _names(before), _names(after)
        cluster, namespace, host, repository = who
        # Who may do something everywhere has not lost it here, and who could has not gained it.
        lost = had - has - _covering(wide_after, who)
        gained = has - had - _covering(wide_before, who)
        changes: tuple[tuple[Sign, set[str]], ...] = (("loses", lost), ("gains", gained))
        for sign, verbs in changes:
            if verbs:
                what = tuple(sorted(verbs, key=ORDER.index))
                found.append(
                    Sentence(
                        sign,
                        access.stack,
                        cluster,
                        namespace,
                        what,
                        host,
                        repository,
                        names_before,
                        names_after,
                    )
                )
        if before and after and had == has and names_before != names_after:
            what = tuple(sorted(has, key=ORDER.index))
            found.append(
                Sentence("changes", access.stack, cluster, namespace, what, host, repository, names_before, names_after)
            )
    rank = {"loses": 0, "gains": 1, "changes": 2}
    found.sort(key=lambda sentence: rank[sentence.sign])
    return found


def phrase(verbs: Sequence[str]) -> str:
    """``push and pull``; what is not known is shown as such."""
    words = {NOT_SHOWN: "whatever its identity may do", "(known after up)": "access (which kind is known after up)"}
    order = sorted(verbs, key=lambda verb: {"push": 0, "pull": 1}.get(verb, 2))
    named = [words.get(verb, verb) for verb in order]
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else "".join(named)


def place(repository: str, namespace: str) -> bool:
    """Whether a repository is a plain name, not one of the words that stand for several or for none."""
    return repository not in (*_ANY_REPOSITORY, NOT_SHOWN) and namespace != NOT_SHOWN


def _by_who(grants: Iterable[Grant]) -> dict[_Who, list[Grant]]:
    result: dict[_Who, list[Grant]] = {}
    for grant in grants:
        who = (grant.cluster, grant.namespace, grant.host, grant.repository)
        result.setdefault(who, []).append(grant)
    return result


def _verbs(grants: Iterable[Grant]) -> set[str]:
    return {verb for grant in grants for verb in grant.verbs}


def _names(grants: Iterable[Grant]) -> tuple[Name, ...]:
    return tuple(sorted({(grant.service_account, grant.identity) for grant in grants}))


def _is_wide(who: _Who) -> bool:
    _, namespace, _, repository = who
    return "*" in namespace or repository in _ANY_REPOSITORY or repository.endswith("*")


def _covering(broad: Iterable[tuple[_Who, set[str]]], who: _Who) -> set[str]:
    return {verb for each, verbs in broad if _covers(each, who) for verb in verbs}


def _covers(broad: _Who, who: _Who) -> bool:
    cluster, namespace, host, repository = broad
    if broad == who or cluster != who[0] or (host and host != who[2]) or not fnmatchcase(who[1], namespace):
        return False
    return repository in _ANY_REPOSITORY or repository == who[3] or fnmatchcase(who[3], repository)
