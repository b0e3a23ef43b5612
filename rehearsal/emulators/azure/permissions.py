"""What a principal may do in a repository: by role assignments, as a scope map's token, as the admin user.

Sources: learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions (which roles hold in which
mode) and …/container-registry-token-based-repository-permissions (actions of scope maps).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rehearsal.emulators.azure.conditions import REPOSITORY_NAME, Asked, ConditionError, parse
from rehearsal.emulators.azure.roles import role_of
from rehearsal.emulators.azure.store import Document, Store

Verb: TypeAlias = Literal["pull", "push", "delete", "metadata_read", "metadata_write"]

_ACTIONS: Mapping[Verb, tuple[str, str]] = {
    # in a classic registry, in an ABAC registry
    "pull": ("pull/read", "repositories/content/read"),
    "push": ("push/write", "repositories/content/write"),
    "delete": ("artifacts/delete", "repositories/content/delete"),
    "metadata_read": ("pull/read", "repositories/metadata/read"),
    "metadata_write": ("push/write", "repositories/metadata/write"),
}
_REGISTRIES = "Microsoft.ContainerRegistry/registries"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ABAC = "AbacRepositoryPermissions"


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is why not, or what allowed it."""

    allowed: bool
    reason: str


def by_roles(store: Store, registry: Document, principal: str, verb: Verb, repository: str, delay: float) -> Decision:
    """Whether a principal's role assignments, as they were ``delay`` seconds ago, let it do this."""
    abac = registry["properties"].get("roleAssignmentMode") == ABAC
    action = f"{_REGISTRIES}/{_ACTIONS[verb][abac]}"
    own = [
        item
        for item in store.below("/", ROLE_ASSIGNMENT, before=delay)
        if item["properties"]["principalId"].lower() == principal.lower()
        and within(registry["id"], item["properties"]["scope"])
    ]
    against = [_against(item["properties"], action, repository, abac=abac) for item in own]
    for item, reason in zip(own, against, strict=True):
        if not reason:
            role = role_of(item["properties"]["roleDefinitionId"])
            return Decision(True, f"{role.name if role else '?'} at {item['properties']['scope']}")
    mode = "ABAC" if abac else "classic"
    found = "; ".join(against) or "it has no role assignment here"
    return Decision(
        False,
        f"{principal} lacks {action} on repository {repository} of the {mode} registry {registry['name']}: {found}",
    )


def _against(assignment: Mapping[str, Any], action: str, repository: str, *, abac: bool) -> str:
    """Why an assignment does not allow an action; empty where it does."""
    role = role_of(assignment["roleDefinitionId"])
    if role is None:
        return "an unknown role"
    if not role.grants(action, data=abac):
        if any(role.grants(f"{_REGISTRIES}/{both[not abac]}", data=not abac) for both in _ACTIONS.values()):
            mode = "ABAC" if abac else "classic"
            return f"{role.name} is a role of the other mode, which a registry in {mode} mode does not honour"
        return f"{role.name} does not hold it"
    condition = assignment.get("condition")
    if condition:
        try:
            holds = parse(condition)(Asked(action, {REPOSITORY_NAME: repository}))
        except ConditionError as error:
            return f"the condition of {role.name} cannot be read: {error}"
        if not holds:
            return f"the condition of {role.name} does not let {repository} pass"
    return ""


def within(resource: str, scope: str) -> bool:
    """Whether a scope holds for a resource: its own id, its group's, its subscription's."""
    inner, outer = f"{resource.strip('/').lower()}/", f"{scope.strip('/').lower()}/"
    return outer == "/" or inner.startswith(outer)


def by_scope_map(store: Store, token: Document, verb: Verb, repository: str) -> Decision:
    """Whether a token's scope map lets it do this."""
    properties = token["properties"]
    scope_map = store.get(properties.get("scopeMapId", ""))
    if scope_map is None:
        return Decision(False, f"token {token['name']} has no scope map")
    wanted = {"pull": "content/read", "push": "content/write", "delete": "content/delete"}.get(
        verb, verb.replace("_", "/")
    )
    for action in scope_map["properties"].get("actions", []):
        path = str(action).removeprefix("repositories/")
        # A name before "/*" means what lies below it.
        name, permission = "/".join(path.split("/")[:-2]), "/".join(path.split("/")[-2:])
        below = name == "*" or (name.endswith("/*") and repository.startswith(name[:-1]))
        if permission == wanted and (name == repository or below):
            return Decision(True, f"scope map {scope_map['name']}: {action}")
    return Decision(
        False, f"scope map {scope_map['name']} of token {token['name']} lacks repositories/{repository}/{wanted}"
    )
