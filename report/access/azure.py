"""Access in Azure: federated credentials, role assignments (with their repository condition), tokens and scope maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from access_documents.acr_conditions import Reach, reach
from report.access.facts import (
    EVERY_REPOSITORY,
    NOT_KNOWN,
    NOT_UNDERSTOOD,
    Facts,
    Permission,
    Trust,
    subject_parts,
)
from report.access.world import Resource, World
from report.values import is_unknown, texts

REGISTRY: Final = "azure-native:containerregistry:Registry"
TOKEN: Final = "azure-native:containerregistry:Token"  # noqa: S105 - a type
SCOPE_MAP: Final = "azure-native:containerregistry:ScopeMap"
IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
CREDENTIAL: Final = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT: Final = "azure-native:authorization:RoleAssignment"

# learn.microsoft.com/azure/role-based-access-control/built-in-roles: the roles that reach a registry's content.
ROLES: Final = {
    "8311e382-0749-4cb8-b61a-304f252e45ec": ("AcrPush", ("pull", "push")),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": ("AcrPull", ("pull",)),
    "c2f4ef07-c644-48eb-af81-4b1b4947fb11": ("AcrDelete", ("delete",)),
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": ("Container Registry Repository Reader", ("pull",)),
    "2a1e307c-b015-4ebd-883e-5b7698a07328": ("Container Registry Repository Writer", ("pull", "push")),
    "2efddaa5-3f1f-4df3-97df-af3f13818f4c": (
        "Container Registry Repository Contributor",
        ("pull", "push", "delete"),
    ),
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ("Owner", ("pull", "push", "delete", "administer")),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": ("Contributor", ("pull", "push", "delete", "administer")),
}
_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pull": ("content/read", "metadata/read"),
    "push": ("content/write", "metadata/write"),
    "delete": ("content/delete", "metadata/delete"),
}
"""The data actions of the roles for repositories that each verb needs; the first one is about the images themselves."""


def facts(world: World) -> Facts:
    """What the Azure resources of one side mean."""
    return Facts(tuple(_trusts(world)), tuple(_permissions(world)))


def role_of(assignment: Resource) -> tuple[str, tuple[str, ...]]:
    """Name of an assignment's role and what it allows on images."""
    guid = assignment.text("roleDefinitionId").rsplit("/", 1)[-1].lower()
    # Before the registry exists, its subscription and so the role's id are unknown.
    return ROLES.get(guid, (guid, ())) if guid else (NOT_KNOWN, (NOT_KNOWN,))


def reaches(assignment: Resource) -> dict[str, Reach]:
    """Where an assignment of a role for repositories allows each action that the role has; none for other roles.

    Only those roles know repositories: of a registry's other roles a condition on the name narrows nothing. A role that is not
    known yet, and has a condition, is taken for the one that pushes.
    """
    name, verbs = role_of(assignment)
    condition = assignment.text("condition")
    if name == NOT_KNOWN and condition:
        verbs = ("pull", "push")
    elif not name.startswith("Container Registry Repository"):
        return {}
    return {action: reach(condition, action) for verb in verbs for action in _ACTIONS[verb]}


def name_of(identity: Resource) -> str:
    """The name in the subscription, else Pulumi's."""
    return identity.text("resourceName") or identity.name


def login_server(registry: Resource) -> str:
    """Its host. Before it exists only its name is known: a domain label may add a hash to the host, and clouds differ."""
    return registry.text("loginServer") or f"registry {registry.text('registryName') or registry.name}"


def _trusts(world: World) -> Iterator[Trust]:
    for credential in world.of(CREDENTIAL):
        identity = world.referred(credential, "resourceName", IDENTITY)
        literal = credential.text("resourceName")
        namespace, account = subject_parts(credential.text("subject") or NOT_KNOWN)
        yield Trust(
            identity.urn if identity else f"{IDENTITY} {literal}",
            name_of(identity) if identity else literal or NOT_KNOWN,
            credential.text("issuer").removeprefix("https://").rstrip("/"),
            namespace,
            account,
            "managed identity (federated credential)",
        )
    for secret in world.of("kubernetes:core/v1:Secret"):
        for prop in ("data", "stringData"):
            for token in world.sources(secret, prop, TOKEN):
                shown = token.text("tokenName") or token.name
                yield Trust(
                    token.urn, shown, "", secret.namespace, "", f"registry token in Secret {secret.object_name}"
                )
            if world.sources(secret, prop, TOKEN):
                continue
            for registry in world.sources(secret, prop, REGISTRY):
                if registry.value("adminUserEnabled") is True:
                    how = f"admin user in Secret {secret.object_name}"
                    yield Trust(f"{registry.urn} admin", "admin user", "", secret.namespace, "", how)


def _permissions(world: World) -> Iterator[Permission]:
    for assignment in world.of(ASSIGNMENT):
        _, verbs = role_of(assignment)
        if not verbs:
            continue
        identity = world.referred(assignment, "principalId", IDENTITY)
        literal = assignment.text("principalId")
        key = identity.urn if identity else f"principal {literal}"
        shown = name_of(identity) if identity else literal or NOT_KNOWN
        host = _scope_host(world, assignment)
        for repository, allowed in _places(assignment, verbs).items():
            yield Permission(key, shown, host, repository, tuple(allowed))
    for token in world.of(TOKEN):
        registry = world.referred(token, "registryName", REGISTRY)
        host = login_server(registry) if registry else f"registry {token.text('registryName') or NOT_KNOWN}"
        scope_map = world.referred(token, "scopeMapId", SCOPE_MAP)
        shown = token.text("tokenName") or token.name
        found: dict[str, list[str]] = {}
        for action in texts(scope_map.value("actions")) if scope_map else ():
            match = re.fullmatch(r"repositories/(.+)/(content/read|content/write|content/delete|metadata/.+)", action)
            verb = (
                {"content/read": "pull", "content/write": "push", "content/delete": "delete"}.get(match[2])
                if match
                else None
            )
            if match and verb:
                found.setdefault(match[1], []).append(verb)
        for repository, verbs_of_one in found.items():
            ordered = tuple(verb for verb in ("pull", "push", "delete") if verb in verbs_of_one)
            yield Permission(token.urn, shown, host, EVERY_REPOSITORY if repository == "*" else repository, ordered)
    for registry in world.of(REGISTRY):
        if registry.value("adminUserEnabled") is True:
            everything = ("pull", "push", "delete", "administer")
            yield Permission(
                f"{registry.urn} admin", "admin user", login_server(registry), EVERY_REPOSITORY, everything
            )


def _places(assignment: Resource, verbs: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Repositories to what is allowed on them."""
    if is_unknown(assignment.inputs.get("condition")):
        return {NOT_KNOWN: list(verbs)}
    found = reaches(assignment)
    places: dict[str, list[str]] = {}
    for verb in verbs:
        # Of a role that is not known yet the condition states where a push would be allowed.
        where = found["content/write" if verb == NOT_KNOWN else _ACTIONS[verb][0]] if found else Reach(others=True)
        every = EVERY_REPOSITORY if where.understood else NOT_UNDERSTOOD
        for repository in (every,) if where.others else where.names:
            places.setdefault(repository, []).append(verb)
    return places or {"": []}


def _scope_host(world: World, assignment: Resource) -> str:
    registry = world.referred(assignment, "scope", REGISTRY)
    if registry is not None:
        return login_server(registry)
    scope = assignment.text("scope")
    match = re.search(r"/registries/([^/]+)", scope)
    return f"registry {match[1]}" if match else scope.rsplit("/", 1)[-1] or NOT_KNOWN
