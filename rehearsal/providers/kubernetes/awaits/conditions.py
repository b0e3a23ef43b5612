"""The annotation ``pulumi.com/waitFor``: ``condition=Ready`` and ``jsonpath={.status.phase}=Running``, as in
``kubectl wait``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rehearsal.providers.kubernetes.errors import KubernetesError
from rehearsal.providers.kubernetes.properties import mapping_at, objects_at

from .verdict import Pending, Ready, Verdict

_JSONPATH: Final = re.compile(r"jsonpath='?\{?(?P<path>.*?)\}?'?(?:=(?P<value>[^={}]*))?")


class ConditionSyntaxError(KubernetesError):
    """The annotation's value cannot be read; the message shows the form it should have."""


Predicate = Callable[[Mapping[str, Any]], str | None]
"""None when the object fulfils the condition, else what is seen instead."""


def parse_condition(expression: str) -> Predicate:
    """Read one expression. Raises ConditionSyntaxError."""
    if expression.startswith("condition="):
        name, _, value = expression.removeprefix("condition=").partition("=")
        if name:
            return _condition(name, value or "True")
    elif match := _JSONPATH.fullmatch(expression):
        return _path(match["path"], match["value"])
    raise ConditionSyntaxError(
        f"pulumi.com/waitFor: {expression!r} is neither condition=<type>[=<status>] nor jsonpath={{<path>}}[=<value>]; "
        "write for example condition=Ready or jsonpath={.status.phase}=Running"
    )


def judge_all(live: Mapping[str, Any], predicates: Sequence[tuple[str, Predicate]]) -> Verdict:
    """Ready when every condition holds."""
    missing = [f"{text} ({seen})" for text, predicate in predicates if (seen := predicate(live)) is not None]
    return Pending("waiting for " + ", ".join(missing)) if missing else Ready()


def _condition(name: str, wanted: str) -> Predicate:
    def test(live: Mapping[str, Any]) -> str | None:
        status = mapping_at(live, "status")
        observed = status.get("observedGeneration")
        if observed is not None and int(observed) < int(mapping_at(live, "metadata").get("generation") or 0):
            return "the controller has not seen the change yet"
        for item in objects_at(status, "conditions"):
            if str(item.get("type", "")).lower() == name.lower():
                if str(item.get("status", "")).lower() == wanted.lower():
                    return None
                return f"now {item.get('status')}: {item.get('message') or item.get('reason') or ''}".rstrip(": ")
        return "not reported yet"

    return test


def _path(path: str, wanted: str | None) -> Predicate:
    import jsonpath

    query = f"${path if path.startswith(('.', '[')) else f'.{path}'}"
    try:
        compiled = jsonpath.compile(query)
    except jsonpath.JSONPathError as error:
        raise ConditionSyntaxError(f"pulumi.com/waitFor: the JSONPath {path!r} cannot be read: {error}") from error

    def test(live: Mapping[str, Any]) -> str | None:
        found: list[Any] = compiled.findall(dict(live))
        if not found:
            return "not there yet"
        if wanted is None:
            return None
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in found]
        return None if all(text == wanted for text in texts) else f"now {', '.join(texts)}"

    return test
