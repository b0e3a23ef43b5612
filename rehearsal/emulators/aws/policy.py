"""AWS's policy language: is this request allowed by these documents?

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and …_elements_condition_operators.html.
Not evaluated: service control policies, resource control policies, VPC endpoint policies (a rehearsal has no organisation).
A document with something this module does not know (an operator, a principal form) makes PolicyError instead of being
passed over: what cannot be evaluated must not be called allowed.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

Document: TypeAlias = Mapping[str, Any]
Context: TypeAlias = Mapping[str, str | list[str]]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


class PolicyError(ValueError):
    """A document has something that is no policy language, or that this evaluator does not know."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``kind`` is the principal element's key (AWS, Federated, Service); ``names`` what a policy may call it."""

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Context keys are matched ignoring case, as AWS does."""

    principal: Principal
    action: str
    resource: str = ""
    context: Context = field(default_factory=dict[str, str | list[str]])


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is the statement that decided, or the nearest miss of those that did not apply."""

    allowed: bool
    reason: str


def identity_decision(
    request: Request,
    identity: Sequence[tuple[str, Document]],
    resource: Sequence[tuple[str, Document]] = (),
    boundary: tuple[str, Document] | None = None,
    session: tuple[str, Document] | None = None,
) -> Decision:
    """A request inside one account: an explicit deny anywhere decides; else identity or resource policy must allow, within
    the boundary and the session's own policy. Each document comes with the name to call it by. Raises PolicyError."""
    limits = [item for item in (boundary, session) if item is not None]
    for name, document in (*identity, *resource, *limits):
        if denied := _first(request, name, document, "Deny"):
            return Decision(False, f"with an explicit deny in {denied}")
    by_resource = next(filter(None, (_first(request, n, d, "Allow", principal=True) for n, d in resource)), None)
    by_identity = next(filter(None, (_first(request, n, d, "Allow") for n, d in identity)), None)
    if by_identity is None and by_resource is None:
        return Decision(
            False, f"because no identity-based policy allows the {request.action} action{_miss(request, identity)}"
        )
    for name, document in limits:
        if _first(request, name, document, "Allow") is None:
            return Decision(False, f"because {name} does not allow the {request.action} action")
    return Decision(True, by_identity or by_resource or "")


def trust_decision(request: Request, name: str, document: Document) -> Decision:
    """Whether a role's trust policy lets this principal assume it. Raises PolicyError."""
    if denied := _first(request, name, document, "Deny", principal=True):
        return Decision(False, f"with an explicit deny in {denied}")
    if allowed := _first(request, name, document, "Allow", principal=True):
        return Decision(True, allowed)
    return Decision(
        False, f"because no statement of {name} applies{_miss(request, [(name, document)], principal=True)}"
    )


def statements(document: Document) -> Iterator[Mapping[str, Any]]:
    """The statements of a document, checked for what must and may be there. Raises PolicyError."""
    listed: Any = document.get("Statement")
    for statement in cast("list[Any]", listed if isinstance(listed, list) else [listed]):
        if not isinstance(statement, Mapping):
            raise PolicyError("Statement must be an object or a list of objects")
        found = cast("Mapping[str, Any]", statement)
        if found.get("Effect") not in ("Allow", "Deny"):
            raise PolicyError(f"Effect must be Allow or Deny, not {found.get('Effect')!r}")
        if unknown := sorted(set(found) - _STATEMENT_KEYS):
            raise PolicyError(f"unknown element {unknown[0]!r} in a statement")
        if ("Action" in found) == ("NotAction" in found):
            raise PolicyError("a statement needs exactly one of Action and NotAction")
        yield found


def _first(request: Request, name: str, document: Document, effect: str, *, principal: bool = False) -> str | None:
    for index, statement in enumerate(statements(document)):
        if statement["Effect"] == effect and _unmet(request, statement, principal=principal) is None:
            return f"{name}, statement {statement.get('Sid') or index + 1}"
    return None


def _miss(request: Request, documents: Sequence[tuple[str, Document]], *, principal: bool = False) -> str:
    """The nearest miss: the last test that an Allow statement failed, later tests being nearer."""
    best = (-1, "")
    for name, document in documents:
        for index, statement in enumerate(statements(document)):
            if statement["Effect"] == "Allow" and (unmet := _unmet(request, statement, principal=principal)):
                label = f"{name}, statement {statement.get('Sid') or index + 1}"
                best = max(best, (unmet[0], f" ({label}: {unmet[1]})"), key=lambda item: item[0])
    return best[1]


def _unmet(request: Request, statement: Mapping[str, Any], *, principal: bool) -> tuple[int, str] | None:
    """How far a statement got before it did not apply, and why; None where it applies."""
    if not _action_applies(request, statement):
        return 0, f"its actions do not include {request.action}"
    if principal and not _principal_applies(request.principal, statement):
        return 1, f"its principal is not {request.principal.names[0]}"
    if not _resource_applies(request, statement):
        return 2, f"its resources do not include {request.resource}"
    context = {key.lower(): value for key, value in request.context.items()}
    for operator, tests in cast("Mapping[str, Any]", statement.get("Condition") or {}).items():
        for key, wanted in cast("Mapping[str, Any]", tests).items():
            values = [_substituted(str(item), context) for item in _list(wanted)]
            actual = context.get(key.lower())
            if not _condition(operator, _strings(actual), values):
                shown = "absent" if actual is None else repr(actual)
                return 3, f"{operator} {key}: expected {' or '.join(map(repr, values))}, the request has {shown}"
    return None


def _action_applies(request: Request, statement: Mapping[str, Any]) -> bool:
    patterns = _list(statement.get("Action", statement.get("NotAction")))
    matched = any(_like(str(pattern).lower(), request.action.lower()) for pattern in patterns)
    return matched if "Action" in statement else not matched


def _resource_applies(request: Request, statement: Mapping[str, Any]) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy or a repository policy: the resource is the one it is attached to
    context = {key.lower(): value for key, value in request.context.items()}
    patterns = [
        _substituted(str(item), context) for item in _list(statement.get("Resource", statement.get("NotResource")))
    ]
    matched = any(_like(pattern, request.resource) for pattern in patterns)
    return matched if "Resource" in statement else not matched


def _principal_applies(principal: Principal, statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return not _named(principal, statement["NotPrincipal"])
    return "Principal" in statement and _named(principal, statement["Principal"])


def _named(principal: Principal, element: Any) -> bool:
    if element == "*":
        return True
    if not isinstance(element, Mapping):
        raise PolicyError(f"Principal must be '*' or an object, not {element!r}")
    named = _list(cast("Mapping[str, Any]", element).get(principal.kind, []))
    # A wildcard stands only alone; AWS refuses it inside a principal.
    return any(name == "*" or name in principal.names for name in named)


def _condition(operator: str, actual: list[str] | None, wanted: list[str]) -> bool:
    name, quantifier = operator, ""
    if ":" in name:
        quantifier, _, name = name.partition(":")
        if quantifier not in ("ForAnyValue", "ForAllValues"):
            raise PolicyError(f"unknown condition operator {operator}")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name == "Null":
        return any((item.lower() == "true") == (actual is None) for item in wanted)
    if name not in _OPERATORS:
        raise PolicyError(f"unknown condition operator {operator}")
    test, negated = _OPERATORS[name]

    def meets(value: str) -> bool:
        return not any(test(value, item) for item in wanted) if negated else any(test(value, item) for item in wanted)

    if actual is None:
        # A negated operator is true without its key, and so is ForAllValues: AWS's own trap, kept here so that it is found.
        return if_exists or negated or quantifier == "ForAllValues"
    if quantifier == "ForAllValues":
        return all(meets(value) for value in actual)
    if quantifier == "ForAnyValue":
        return any(meets(value) for value in actual)
    return len(actual) == 1 and meets(actual[0])


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def seconds(text: str) -> float:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def test(value: str, wanted: str) -> bool:
        try:
            return compare(seconds(value), seconds(wanted))
        except ValueError:
            return False

    return test


def _in_network(value: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _like(pattern: str, value: str) -> bool:
    """AWS's wildcards are ``*`` and ``?`` only."""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value) is not None


def _like_arn(value: str, wanted: str) -> bool:
    """Each of the six parts on its own: a ``*`` does not reach over a colon of the first five."""
    parts, patterns = value.split(":", 5), wanted.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(_like(p, v) for p, v in zip(patterns, parts, strict=True))


_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (lambda value, wanted: value == wanted, False),
    "StringNotEquals": (lambda value, wanted: value == wanted, True),
    "StringEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda value, wanted: value.lower() == wanted.lower(), True),
    "StringLike": (lambda value, wanted: _like(wanted, value), False),
    "StringNotLike": (lambda value, wanted: _like(wanted, value), True),
    "Bool": (lambda value, wanted: value.lower() == wanted.lower(), False),
    "BinaryEquals": (lambda value, wanted: value == wanted, False),
    "ArnEquals": (_like_arn, False),
    "ArnLike": (_like_arn, False),
    "ArnNotEquals": (_like_arn, True),
    "ArnNotLike": (_like_arn, True),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    "NumericEquals": (_number(lambda a, b: a == b), False),
    "NumericNotEquals": (_number(lambda a, b: a == b), True),
    "NumericLessThan": (_number(lambda a, b: a < b), False),
    "NumericLessThanEquals": (_number(lambda a, b: a <= b), False),
    "NumericGreaterThan": (_number(lambda a, b: a > b), False),
    "NumericGreaterThanEquals": (_number(lambda a, b: a >= b), False),
    "DateEquals": (_date(lambda a, b: a == b), False),
    "DateNotEquals": (_date(lambda a, b: a == b), True),
    "DateLessThan": (_date(lambda a, b: a < b), False),
    "DateLessThanEquals": (_date(lambda a, b: a <= b), False),
    "DateGreaterThan": (_date(lambda a, b: a > b), False),
    "DateGreaterThanEquals": (_date(lambda a, b: a >= b), False),
}


def _substituted(pattern: str, context: Context) -> str:
    """Policy variables replaced by the request's values; one that the request lacks matches nothing."""

    def value(match: re.Match[str]) -> str:
        key, _, default = match[1].partition(",")
        if key in ("*", "?", "$"):
            return key
        found = context.get(key.strip().lower())
        if isinstance(found, str):
            return found
        return default.strip().strip("'") if default else "\0absent"

    return _VARIABLE.sub(value, pattern)


def _strings(value: str | list[str] | None) -> list[str] | None:
    return [value] if isinstance(value, str) else value


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
