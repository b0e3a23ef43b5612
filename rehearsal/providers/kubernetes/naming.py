"""Names: which one an object gets when the program gives none, and which cannot be right."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from .annotations import AUTONAMED, is_autonamed
from .kinds import Kind
from .properties import Properties, Unknown, mapping_at, plain

_LONGEST: Final = 253  # apimachinery, DNS1123SubdomainMaxLength
_SUFFIX: Final = 8
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# RBAC names follow the looser rules of URL path segments (system:image-builder).
_FREE_NAMES: Final = frozenset({"rbac.authorization.k8s.io"})


class NamingMode(Enum):
    """What the stack's ``pulumi:autonaming`` asks for."""

    DEFAULT = "default"
    PROPOSE = "propose"
    ENFORCE = "enforce"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Autonaming:
    mode: NamingMode = NamingMode.DEFAULT
    proposed: str = ""


class NamingError(ValueError):
    """No name can be given; the message says which property to set."""


def ensure_name(
    inputs: Properties, old_inputs: Properties, resource_name: str, seed: bytes, autonaming: Autonaming
) -> None:
    """Give unnamed inputs a name, in place: the one it had, if that was given automatically, else a new one.

    Automatic names are marked by the annotation ``pulumi.com/autonamed``: a replacement of such an object needs no
    deletion first. Raises NamingError where the stack forbids automatic names.
    """
    metadata = inputs.get("metadata")
    if isinstance(plain(metadata), Unknown):
        return  # a later Check sees the value
    fields = mapping_at(inputs, "metadata")
    if fields.get("name") not in (None, ""):
        return
    old_name = plain(mapping_at(old_inputs, "metadata").get("name"))
    if isinstance(old_name, str) and old_name and is_autonamed(old_inputs):
        name = old_name
    else:
        name = _new_name(resource_name, seed, autonaming)
    annotations = mapping_at(fields, "annotations")
    if isinstance(plain(fields.get("annotations")), Unknown):
        raise NamingError(
            "metadata.annotations is not known yet, so the name cannot be marked as automatic; set metadata.name"
        )
    inputs["metadata"] = {**fields, "name": name, "annotations": {**annotations, AUTONAMED: "true"}}


def _new_name(resource_name: str, seed: bytes, autonaming: Autonaming) -> str:
    if autonaming.mode is NamingMode.DISABLE:
        raise NamingError("automatic names are disabled for this stack (pulumi:autonaming); set metadata.name")
    if autonaming.mode is not NamingMode.DEFAULT and autonaming.proposed:
        return autonaming.proposed
    digest = hashlib.sha256(seed or os.urandom(16)).hexdigest()[:_SUFFIX]
    return f"{resource_name[: _LONGEST - _SUFFIX - 1]}-{digest}"


def name_problem(kind: Kind, inputs: Any) -> str | None:
    """What is wrong with the object's name by the API's rules, or None; unknown names pass."""
    name = plain(mapping_at(inputs, "metadata").get("name"))
    if not isinstance(name, str) or not kind.built_in or kind.group in _FREE_NAMES:
        return None
    if (kind.group, kind.kind) in (("", "Namespace"), ("", "Service")):
        pattern, longest, rule = _LABEL, 63, "lower-case letters, digits and '-', at most 63"
    else:
        pattern, longest, rule = _SUBDOMAIN, _LONGEST, "lower-case letters, digits, '-' and '.', at most 253"
    if pattern.fullmatch(name) and len(name) <= longest:
        return None
    return f"{name!r} is no valid name for a {kind.kind}: {rule}, beginning and ending with a letter or digit"
