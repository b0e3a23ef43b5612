"""Whether a cloud's registry lets a namespace's builder copy to a destination of ``builder.mirror``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.stack import Namespace


def repository_problems(
    namespace: Namespace, own: str, repository: str, at: Location, *, below: bool, key: str, foreign: bool
) -> Iterator[Problem]:
    """The problem of a ``repository`` that is not the namespace's ``own``, nor ``below`` it where that is allowed, by ``key``."""
    lies_below = repository.startswith(f"{own}/")
    if repository == own or (below and lies_below):
        return
    remedy = f"set {key}: true, or write it as {{repository}}:<tag>" if lies_below else "begin it with {repository}"
    yield denied(namespace, own, repository, at, remedy, foreign=foreign)


STK118 = Rule(
    "STK118",
    "the builder of namespace {namespace!r} would copy to {repository!r}, but this stack allows it {own} only",
    "the registry denies the push unless someone else has allowed it",
    "{remedy}",
    Severity.WARNING,
)
STK037 = Rule(
    "STK037",
    "the builder of namespace {namespace!r} would copy to {repository!r}, but this stack allows it {own} only",
    "the registry denies the push",
    "{remedy}",
)


def denied(namespace: Namespace, own: str, repository: str, at: Location, remedy: str, *, foreign: bool) -> Problem:
    """A copy that this stack does not allow the builder is rejected. If someone else manages the builder's identity, they may
    have allowed the copy: then it is only a warning."""
    if foreign:
        return STK118.at(at, namespace=namespace.name, repository=repository, own=own, remedy=remedy)
    return STK037.at(at, namespace=namespace.name, repository=repository, own=own, remedy=remedy)
