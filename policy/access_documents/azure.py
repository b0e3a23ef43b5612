"""Facts about access in Azure: roles by their GUIDs, data actions, scope maps, and where registries are described.

Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles and
learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-directory-reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from access_documents.verbs import ADMINISTER, DELETE, PULL, PUSH

AUDIENCE: Final = "api://AzureADTokenExchange"
AUDIENCES: Final = (AUDIENCE, *(f"{AUDIENCE}{cloud}" for cloud in ("USGov", "China", "USNat", "USSec")))
"""Of every cloud of Azure's."""


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role that reaches the content of registries. ``by_repository``: a condition can narrow it to repositories."""

    name: str
    verbs: tuple[str, ...]
    by_repository: bool = False


ROLES: Final[Mapping[str, Role]] = {
    "8311e382-0749-4cb8-b61a-304f252e45ec": Role("AcrPush", PUSH),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": Role("AcrPull", PULL),
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11": Role("AcrDelete", ("delete",)),
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": Role("Container Registry Repository Reader", PULL, True),
    "2a1e307c-b015-4ebd-883e-5b7698a07328": Role("Container Registry Repository Writer", PUSH, True),
    "2efddaa5-3f1f-4df3-97df-af3f13818f4c": Role("Container Registry Repository Contributor", DELETE, True),
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", ADMINISTER),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role("Contributor", ADMINISTER),
}
DATA_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pull": ("content/read", "metadata/read"),
    "push": ("content/write", "metadata/write"),
    "delete": ("content/delete", "metadata/delete"),
}
"""The data actions of the roles for repositories that each verb needs; the first one is about the images themselves."""

_SCOPE_MAP_ACTION: Final = re.compile(r"repositories/(.+)/((?:content|metadata)/[a-z]+)")


def data_actions(verbs: Sequence[str]) -> list[str]:
    """The data actions that a role for repositories with these verbs has."""
    return [action for verb in verbs for action in DATA_ACTIONS[verb]]


def scope_map_action(action: str) -> tuple[str, str]:
    """Repository, which may be a pattern, and data action that an action of a scope map is about; empty for anything else."""
    found = _SCOPE_MAP_ACTION.fullmatch(action)
    return (found[1], found[2]) if found else ("", "")


def registries(type_: str, name: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and properties of each registry that a resource describes, directly or in an ARM template."""
    kind = plain_type(type_)
    if kind == "azure-native:containerregistry:Registry":
        yield str(inputs.get("registryName", name)), inputs
    elif kind == "azure-native:resources:Deployment":
        template = _mapping(_mapping(inputs.get("properties")).get("template"))
        listed = template.get("resources")
        for described in map(_mapping, cast("Sequence[Any]", listed) if isinstance(listed, Sequence) else ()):
            if str(described.get("type", "")).lower() == "microsoft.containerregistry/registries":
                yield str(described.get("name", name)), _mapping(described.get("properties"))


def plain_type(token: str) -> str:
    """A type without the version of its API: SDKs have every type of Azure once for each version."""
    return re.sub(r"/v\d+[a-z0-9]*:", ":", token) if token.startswith("azure-native:") else token


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
