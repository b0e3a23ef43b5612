"""The provider's own settings: reading them from the engine, refusing what is not supported, comparing two of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .immutable_fields import MutabilityOptions
from .kubeconfig import active_cluster
from .properties import Properties, Unknown, plain

_PREFIX: Final = "kubernetes:config:"
# Setting → environment variable that the SDK and pulumi-kubernetes read where the setting is absent.
_SWITCHES: Final = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "suppressHelmHookWarnings": "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "alwaysRender": "",
}
_IDENTITY: Final = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings of one provider resource, named as in ``pulumi_kubernetes.Provider``."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    suppress_deprecation_warnings: bool = False
    patch_force: bool = False
    upsert: bool = False
    mutability: MutabilityOptions = field(default_factory=MutabilityOptions)


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that cannot be used, and why."""

    property: str
    reason: str


def problems(settings: Properties) -> list[Problem]:
    """Everything that is wrong with provider settings, all at once; values not known yet pass."""
    found: list[Problem] = []
    values = plain(settings)
    found.extend(
        Problem(name, f"must be true or false, not {values[name]!r}")
        for name in _SWITCHES
        if name in values and _switch(values[name]) is None and not isinstance(values[name], Unknown)
    )
    if values.get("renderYamlToDirectory"):
        found.append(
            Problem(
                "renderYamlToDirectory",
                "rendering manifests to files is not supported here: this provider is for a real API server. "
                "Remove the setting, "
                "or render with the Pulumi CLI and its own provider",
            )
        )
    if _switch(values.get("enableServerSideApply")) is False:
        found.append(
            Problem(
                "enableServerSideApply",
                "false is not supported: this provider writes only by server-side apply, which is what keeps "
                "other managers' "
                "fields. Remove the setting",
            )
        )
    for name in (*_IDENTITY, "namespace", "clusterIdentifier"):
        value = values.get(name)
        if (
            value is not None
            and not isinstance(value, str | Unknown)
            and not (name == "kubeconfig" and isinstance(value, dict))
        ):
            found.append(Problem(name, f"must be a text, not {type(value).__name__}"))
    return found


def read_configuration(settings: Properties, variables: Mapping[str, str]) -> Configuration:
    """The settings from ``args`` of Configure, or from ``variables`` (``kubernetes:config:…``) of older engines."""
    values: dict[str, Any] = {
        name.removeprefix(_PREFIX): value for name, value in variables.items() if name.startswith(_PREFIX)
    }
    values.update(plain(settings))

    def text(name: str) -> str | None:
        value = values.get(name)
        if isinstance(value, dict):
            return json.dumps(value)  # a kubeconfig given as an object
        return value if isinstance(value, str) and value else None

    def switch(name: str) -> bool:
        chosen = _switch(values.get(name))
        if chosen is None and _SWITCHES[name]:
            chosen = _switch(os.environ.get(_SWITCHES[name]))
        return bool(chosen)

    return Configuration(
        kubeconfig=text("kubeconfig"),
        context=text("context"),
        cluster=text("cluster"),
        namespace=text("namespace"),
        delete_unreachable=switch("deleteUnreachable"),
        skip_update_unreachable=switch("skipUpdateUnreachable"),
        suppress_deprecation_warnings=switch("suppressDeprecationWarnings"),
        patch_force=switch("enablePatchForce"),
        upsert=switch("upsertExistingObjects"),
        mutability=MutabilityOptions(switch("enableConfigMapMutable"), switch("enableSecretMutable")),
    )


def _switch(value: Any) -> bool | None:
    """A switch as the SDK sends it: a bool, or its JSON text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower()) if value is not None else None


@dataclass(frozen=True, slots=True)
class ConfigurationDifference:
    changed: list[str]
    replaces: list[str]


def compare_configuration(old: Properties, new: Properties) -> ConfigurationDifference:
    """Which settings changed, and whether the provider now stands for another cluster (then all its resources are
    replaced).

    As pulumi-kubernetes: ``clusterIdentifier`` decides alone where it is set; else a cluster entry that differs, or a
    kubeconfig not known yet.
    """
    before, after = plain(old), plain(new)
    changed = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    if before.get("clusterIdentifier") or after.get("clusterIdentifier"):
        return ConfigurationDifference(changed, [name for name in changed if name == "clusterIdentifier"])
    unknown = [name for name in _IDENTITY if isinstance(after.get(name), Unknown)]
    if unknown:
        return ConfigurationDifference(changed or unknown, unknown)
    first, second = (active_cluster(*(_text(side.get(name)) for name in _IDENTITY)) for side in (before, after))
    moved = first is not None and second is not None and first != second
    return ConfigurationDifference(changed, [name for name in _IDENTITY if moved and name in changed])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
