"""Labels as the API server accepts them, of namespaces and of nodes in a selector; and tolerations of nodes' taints.

Sources: ``k8s.io/apimachinery/pkg/util/validation`` (``IsQualifiedName``, ``IsValidLabelValue``);
``k8s.io/kubernetes/pkg/apis/core/validation`` (``ValidateTolerations``).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from mendix_registry.settings.problems import refusal
from mendix_registry.settings.references import DNS_SUBDOMAIN

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def _key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not DNS_SUBDOMAIN.fullmatch(prefix)):
        raise refusal(
            f"{value!r} is not the key of a label",
            "the API server rejects it: a key has 1 to 63 letters, digits, '-', '_' and '.', begins and ends with a letter or "
            "digit, and may have a DNS name and a slash before it",
            "write it as team or example.com/team",
        )
    return value


def _value(value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise refusal(
            f"{value!r} is not the value of a label",
            "the API server rejects it: a value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a "
            "letter or digit",
            "correct the value; other texts belong in an annotation",
        )
    return value


Labels: TypeAlias = dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]]
"""Keys and values of labels."""

_FIELDS = {"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": int}
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")


def _toleration(value: dict[str, Any]) -> dict[str, Any]:
    fault = _toleration_fault(value)
    if fault:
        raise refusal(
            fault,
            "the API server rejects the Job",
            "write it as {key: builds, operator: Exists, effect: NoSchedule}",
        )
    return value


def _toleration_fault(given: dict[str, Any]) -> str | None:
    for name, value in given.items():
        if name not in _FIELDS:
            return f"a toleration has no field {name!r}"
        if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
            return f"{name} of a toleration is a {'number' if _FIELDS[name] is int else 'text'}"
    key, value = given.get("key", ""), given.get("value", "")
    if key:
        _key(key)
    elif given.get("operator") != "Exists":
        return "a toleration without a key needs operator: Exists"
    match given.get("operator", "Equal"):
        case "Equal" | "":
            _value(value)
        case "Exists" if value:
            return "a toleration with operator Exists has no value"
        case "Exists":
            pass
        case other:
            return f"{other!r} is no operator of a toleration (Equal, Exists)"
    if given.get("effect", "") not in _EFFECTS:
        return f"{given['effect']!r} is no effect of a taint ({', '.join(_EFFECTS[1:])})"
    if "tolerationSeconds" in given and given.get("effect") != "NoExecute":
        return "tolerationSeconds goes with effect: NoExecute only"
    return None


Toleration: TypeAlias = Annotated[dict[str, Any], AfterValidator(_toleration)]
"""A toleration in Kubernetes' own form."""
