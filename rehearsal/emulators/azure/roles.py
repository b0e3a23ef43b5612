"""Azure's built-in roles that matter to a container registry.

Sources: learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers and …/privileged.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass

_REGISTRIES = "Microsoft.ContainerRegistry/registries"


@dataclass(frozen=True, slots=True)
class Role:
    """``actions`` are of the management plane, as which classic registries have their pushes and pulls; ``data_actions`` are
    what ABAC registries go by."""

    name: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def grants(self, action: str, *, data: bool) -> bool:
        patterns = self.data_actions if data else self.actions
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def _repositories(*actions: str) -> tuple[str, ...]:
    return tuple(f"{_REGISTRIES}/repositories/{action}" for action in actions)


_READ = ("content/read", "metadata/read")
_WRITE = (*_READ, "content/write", "metadata/write")

ROLES: Mapping[str, Role] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Role("Owner", ("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Role("Contributor", ("*",)),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role("Reader", ("*/read",)),
    "8311e382-0749-4cb8-b61a-304f252e45ec": Role("AcrPush", (f"{_REGISTRIES}/pull/read", f"{_REGISTRIES}/push/write")),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": Role("AcrPull", (f"{_REGISTRIES}/pull/read",)),
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11": Role("AcrDelete", (f"{_REGISTRIES}/artifacts/delete",)),
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": Role(
        "Container Registry Repository Reader", data_actions=_repositories(*_READ)
    ),
    "2a1e307c-b015-4ebd-883e-5b7698a07328": Role(
        "Container Registry Repository Writer", data_actions=_repositories(*_WRITE)
    ),
    "2efddaa5-3f1f-4df3-97df-af3f13818f4c": Role(
        "Container Registry Repository Contributor",
        data_actions=_repositories(*_WRITE, "content/delete", "metadata/delete"),
    ),
    "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7": Role(
        "Container Registry Repository Catalog Lister", data_actions=(f"{_REGISTRIES}/catalog/read",)
    ),
}
"""By the GUID of the definition."""


def role_of(definition: str) -> Role | None:
    """By the id of a role definition, or its GUID alone."""
    return ROLES.get(definition.rpartition("/")[2].lower())
