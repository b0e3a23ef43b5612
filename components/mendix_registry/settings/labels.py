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
            "STK044",
            f"{value!r} is not the key of a label",
            "the API server rejects it: a key has 1 to 63 letters, digits, '-', '_' and '.', begins and ends with a letter or "
            "digit, and may have a DNS name and a slash before it",
            "write it as team or example.com/team",
        )
    return value


def _value(value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise refusal(
            "STK045",
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


_REJECTED = "the API server rejects the Job"
_EXAMPLE = "write it as {key: builds, operator: Exists, effect: NoSchedule}"


def _toleration(value: dict[str, Any]) -> dict[str, Any]:
    for name, field in value.items():
        if name not in _FIELDS:
            raise refusal("STK046", f"a toleration has no field {name!r}", _REJECTED, _EXAMPLE)
        if not isinstance(field, _FIELDS[name]) or isinstance(field, bool):
            kind = "number" if _FIELDS[name] is int else "text"
            raise refusal("STK047", f"{name} of a toleration is a {kind}", _REJECTED, _EXAMPLE)
    key, expected = value.get("key", ""), value.get("value", "")
    if key:
        _key(key)
    elif value.get("operator") != "Exists":
        raise refusal("STK048", "a toleration without a key needs operator: Exists", _REJECTED, _EXAMPLE)
    match value.get("operator", "Equal"):
        case "Equal" | "":
            _value(expected)
        case "Exists" if expected:
            raise refusal("STK049", "a toleration with operator Exists has no value", _REJECTED, _EXAMPLE)
        case "Exists":
            pass
        case other:
            raise refusal("STK050", f"{other!r} is no operator of a toleration (Equal, Exists)", _REJECTED, _EXAMPLE)
    if value.get("effect", "") not in _EFFECTS:
        known = ", ".join(_EFFECTS[1:])
        raise refusal("STK051", f"{value['effect']!r} is no effect of a taint ({known})", _REJECTED, _EXAMPLE)
    if "tolerationSeconds" in value and value.get("effect") != "NoExecute":
        raise refusal("STK052", "tolerationSeconds goes with effect: NoExecute only", _REJECTED, _EXAMPLE)
    return value


Toleration: TypeAlias = Annotated[dict[str, Any], AfterValidator(_toleration)]
"""A toleration in Kubernetes' own form."""
