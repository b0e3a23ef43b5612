"""AWS policy documents and trust policies: whom their conditions name.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
…/reference_policies_multi-key-or-value-conditions.html. All operators and keys of a statement have to hold; keys are not
case-sensitive. A key that a request does not have makes a test fail, but for those that are negated, ``…IfExists`` and
``ForAllValues:…``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from access_documents.patterns import both, is_pattern

_CLAIMS = frozenset({"sub", "aud", "amr", "azp", "oaud", "email"})
"""What tokens of web identities carry for conditions: reference_policies_iam-condition-keys.html#condition-keys-wif."""


class UnreadableError(ValueError):
    """A document is no policy document. The text states what is wrong with it, without any of its content."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the conditions of a statement require of one key.

    ``values``: who is named, exactly or by patterns; empty where no one is named. ``inexact``: the operators that test the key, if
    none of them names anybody. ``never``: the operator that nothing can satisfy, empty if there is none.
    """

    values: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()
    never: str = ""

    @property
    def tested(self) -> bool:
        """Whether there is any condition on the key."""
        return bool(self.values or self.inexact or self.never)


def read(document: Any) -> Sequence[Mapping[str, Any]]:
    """The statements of a document, which may be JSON text. Raises UnreadableError."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise UnreadableError("It is not JSON.") from error
    if not isinstance(document, Mapping):
        raise UnreadableError("It is not an object.")
    listed = cast("Mapping[str, Any]", document).get("Statement")
    found: list[Mapping[str, Any]] = []
    for statement in _sequence(listed):
        if _mapping(statement).get("Effect") not in ("Allow", "Deny"):
            raise UnreadableError("It has a statement that neither allows nor denies.")
        found.append(_mapping(statement))
    return found


def texts(value: Any) -> list[str]:
    """One text or many, as IAM writes them."""
    return [str(item) for item in _sequence(value)]


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of each condition."""
    for operator, block in _mapping(statement.get("Condition")).items():
        for key, values in _mapping(block).items():
            yield str(operator), str(key), texts(values)


def names(operator: str) -> bool:
    """Whether an operator names someone. ``StringNotEquals`` names everyone else; ``ForAllValues:…`` and ``…IfExists`` hold too,
    where the key is missing."""
    return _plain(operator) in ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")


def named(statement: Mapping[str, Any], key: str) -> Named:
    """What the conditions of a statement require of ``key``, for instance ``ISSUER:sub``."""
    found: list[str] | None = None
    others: list[str] = []
    never = ""
    for operator, tested, values in conditions(statement):
        if tested.lower() != key.lower():
            continue
        if not names(operator):
            others.append(operator)
            continue
        # Of StringEquals a `*` is a plain character, which no name has.
        literal = _plain(operator).startswith("stringequals")
        usable = [value for value in values if not (literal and is_pattern(value) and "${" not in value)]
        before = found
        found = usable if before is None else [x for a in before for b in usable if (x := both(a, b)) is not None]
        never = never or ("" if found else operator)
    if never:
        return Named(never=never)
    return Named(tuple(dict.fromkeys(found))) if found is not None else Named(inexact=tuple(others))


def tagged(statement: Mapping[str, Any], tag: str) -> Named:
    """What a trust of EKS Pod Identity requires of a tag of the session."""
    return named(statement, f"aws:RequestTag/{tag}")


def claims_of_others(statement: Mapping[str, Any], issuer: str) -> list[str]:
    """The keys of conditions that no token of ``issuer`` satisfies, for they are claims in another issuer's tokens."""
    found: list[str] = []
    for operator, key, values in conditions(statement):
        prefix, _, claim = key.rpartition(":")
        foreign = prefix and claim.lower() in _CLAIMS and prefix.lower() != issuer.lower() and "." in prefix
        if foreign and not _holds_without(operator, values):
            found.append(key)
    return found


def issuer_of(provider: str) -> str:
    """The issuer of a federated principal: of an OIDC provider the end of its ARN, of anything else all of it."""
    return provider.split(":oidc-provider/", 1)[-1]


def allows(statement: Mapping[str, Any], action: str) -> bool:
    """Whether the actions of a statement include this one."""
    if "NotAction" in statement:
        return not any(both(pattern.lower(), action.lower()) for pattern in texts(statement["NotAction"]))
    return any(both(pattern.lower(), action.lower()) for pattern in texts(statement.get("Action")))


def _plain(operator: str) -> str:
    lower = operator.lower()
    # ForAnyValue holds only where there is a value.
    return lower.removeprefix("foranyvalue:")


def _holds_without(operator: str, values: Sequence[str]) -> bool:
    lower = _plain(operator)
    if lower == "null":
        return [value.lower() for value in values] == ["true"]
    return lower.startswith("forallvalues:") or lower.endswith("ifexists") or "not" in lower


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        return [value]
    return cast("Sequence[Any]", value)
