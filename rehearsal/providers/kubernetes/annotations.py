"""The ``pulumi.com/…`` annotations by which a program steers the provider, one reader for each.

Names and meanings are pulumi-kubernetes' (``provider/pkg/metadata/annotations.go`` and ``overrides.go``).
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from .properties import mapping_at, plain

AUTONAMED: Final = "pulumi.com/autonamed"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
PATCH_FORCE: Final = "pulumi.com/patchForce"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
WAIT_FOR: Final = "pulumi.com/waitFor"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

# Kinds with dependents of their own. Their deletion is in the foreground, as pulumi-kubernetes deletes everything, so
# that their pods are gone before the Secrets and ServiceAccounts these use are deleted; the others need no garbage
# collector's round.
_OWNERS: Final = frozenset(
    {"Job", "CronJob", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"}
)


def annotation(inputs: Any, name: str) -> str:
    """The annotation's value, or an empty text where it is absent or not yet known."""
    value = plain(mapping_at(inputs, "metadata", "annotations").get(name))
    return value if isinstance(value, str) else ""


def is_autonamed(inputs: Any) -> bool:
    return annotation(inputs, AUTONAMED) == "true"


def skips_await(inputs: Any) -> bool:
    return annotation(inputs, SKIP_AWAIT) == "true"


def replaces_unready(inputs: Any) -> bool:
    return annotation(inputs, REPLACE_UNREADY) == "true"


def patch_force(inputs: Any) -> bool | None:
    """Whether to take fields from other managers; None where the annotation does not say."""
    value = annotation(inputs, PATCH_FORCE)
    return None if not value else value == "true"


def timeout_seconds(requested: float, inputs: Any, default: float) -> float:
    """The wait in seconds: the resource option ``customTimeouts``, else the annotation, else the kind's default."""
    if requested > 0:
        return requested
    value = annotation(inputs, TIMEOUT_SECONDS)
    return float(value) if value.isdigit() and int(value) > 0 else default


def deletion_propagation(kind: str, inputs: Any) -> str:
    """``propagationPolicy`` of the deletion: ``Foreground``, ``Background`` or ``Orphan``."""
    chosen = annotation(inputs, DELETION_PROPAGATION).lower()
    if chosen in ("foreground", "background", "orphan"):
        return chosen.capitalize()
    return "Foreground" if kind in _OWNERS else "Background"


def wait_conditions(inputs: Any) -> list[str]:
    """The expressions of ``pulumi.com/waitFor``: one text, or a JSON list of texts."""
    value = annotation(inputs, WAIT_FOR)
    if not value:
        return []
    try:
        listed = json.loads(value)
    except ValueError:
        return [value]
    return [str(item) for item in cast("list[Any]", listed)] if isinstance(listed, list) else [value]
