"""Labels as the API server accepts them, of namespaces and of nodes in a selector; and tolerations of nodes' taints.

Sources: ``k8s.io/apimachinery/pkg/util/validation`` (``IsQualifiedName``, ``IsValidLabelValue``);
``k8s.io/kubernetes/pkg/apis/core/validation`` (``ValidateTolerations``).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator

from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.references import DNS_SUBDOMAIN

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


STK044 = Rule(
    "STK044",
    "{value!r} is not the key of a label",
    "the API server rejects it: a key has 1 to 63 letters, digits, '-', '_' and '.', begins and ends with a letter or "
    "digit, and may have a DNS name and a slash before it",
    "write it as team or example.com/team",
)


@raises(STK044)
def _key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not DNS_SUBDOMAIN.fullmatch(prefix)):
        raise STK044.error(value=value)
    return value


STK045 = Rule(
    "STK045",
    "{value!r} is not the value of a label",
    "the API server rejects it: a value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a "
    "letter or digit",
    "correct the value; other texts belong in an annotation",
)


@raises(STK045)
def _value(value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise STK045.error(value=value)
    return value


Labels: TypeAlias = dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]]
"""Keys and values of labels."""

_FIELDS = {"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": int}
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")


_REJECTED = "the API server rejects the Job"
_EXAMPLE = "write it as {{key: builds, operator: Exists, effect: NoSchedule}}"


STK046 = Rule("STK046", "a toleration has no field {name!r}", _REJECTED, _EXAMPLE)
STK047 = Rule("STK047", "{name} of a toleration is a {kind}", _REJECTED, _EXAMPLE)
STK048 = Rule("STK048", "a toleration without a key needs operator: Exists", _REJECTED, _EXAMPLE)
STK049 = Rule("STK049", "a toleration with operator Exists has no value", _REJECTED, _EXAMPLE)
STK050 = Rule("STK050", "{other!r} is no operator of a toleration (Equal, Exists)", _REJECTED, _EXAMPLE)
STK051 = Rule("STK051", f"{{effect!r}} is no effect of a taint ({', '.join(_EFFECTS[1:])})", _REJECTED, _EXAMPLE)
STK052 = Rule("STK052", "tolerationSeconds goes with effect: NoExecute only", _REJECTED, _EXAMPLE)


@raises(STK046, STK047, STK048, STK049, STK050, STK051, STK052, STK044, STK045)
def _toleration(value: dict[str, Any]) -> dict[str, Any]:
    for name, field in value.items():
        if name not in _FIELDS:
            raise STK046.error(name=name)
        if not isinstance(field, _FIELDS[name]) or isinstance(field, bool):
            kind = "number" if _FIELDS[name] is int else "text"
            raise STK047.error(name=name, kind=kind)
    key, expected = value.get("key", ""), value.get("value", "")
    if key:
        _key(key)
    elif value.get("operator") != "Exists":
        raise STK048.error()
    match value.get("operator", "Equal"):
        case "Equal" | "":
            _value(expected)
        case "Exists" if expected:
            raise STK049.error()
        case "Exists":
            pass
        case other:
            raise STK050.error(other=other)
    if value.get("effect", "") not in _EFFECTS:
        raise STK051.error(effect=value["effect"])
    if "tolerationSeconds" in value and value.get("effect") != "NoExecute":
        raise STK052.error()
    return value


Toleration: TypeAlias = Annotated[dict[str, Any], AfterValidator(_toleration)]
"""A toleration in Kubernetes' own form."""
