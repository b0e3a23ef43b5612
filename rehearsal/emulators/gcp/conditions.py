"""IAM conditions, as far as they are clauses joined by ``&&`` over a resource's name, type and service and the time.

Source: cloud.google.com/iam/docs/conditions-attribute-reference. A clause of any other form cannot be evaluated, and the error
names it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_STRING = r"""(?:"([^"]*)"|'([^']*)')"""
_CALL = re.compile(rf"resource\.(name|type|service)\.(startsWith|endsWith)\(\s*{_STRING}\s*\)")
_EQUAL = re.compile(rf"resource\.(name|type|service)\s*(==|!=)\s*{_STRING}")
_TIME = re.compile(rf"request\.time\s*(<=|>=|<|>)\s*timestamp\(\s*{_STRING}\s*\)")


class ConditionError(Exception):
    """The expression is of a form that this emulator does not evaluate."""


def holds(expression: str, resource: str, resource_type: str, at: float) -> bool:
    """Raises ConditionError."""
    attributes = {"name": resource, "type": resource_type, "service": resource_type.partition("/")[0]}
    return all(_clause(clause.strip(), attributes, at) for clause in expression.split("&&"))


def _clause(clause: str, attributes: dict[str, str], at: float) -> bool:
    if match := _CALL.fullmatch(clause):
        value, wanted = attributes[match[1]], match[3] or match[4] or ""
        return value.startswith(wanted) if match[2] == "startsWith" else value.endswith(wanted)
    if match := _EQUAL.fullmatch(clause):
        return (attributes[match[1]] == (match[3] or match[4] or "")) == (match[2] == "==")
    if match := _TIME.fullmatch(clause):
        try:
            limit = datetime.fromisoformat(match[2] or match[3] or "").astimezone(UTC).timestamp()
        except ValueError as error:
            raise ConditionError(f"{clause}: {error}") from error
        return {"<": at < limit, "<=": at <= limit, ">": at > limit, ">=": at >= limit}[match[1]]
    raise ConditionError(f"the rehearsal cannot evaluate the clause {clause!r}")
