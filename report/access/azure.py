"""Access in Azure: federated credentials, role assignments (with their repository condition), tokens and scope maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from access_documents.acr_conditions import Reach, reach
from access_documents.azure import DATA_ACTIONS, ROLES, Role, data_actions, scope_map_action
from access_documents.verbs import ADMINISTER, DELETE, PUSH
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


def facts(world: World) -> Facts:
    """What the Azure resources of one side mean."""
    return Facts(tuple(_trusts(world)), tuple(_permissions(world)))


def role_of(assignment: Resource) -> Role:
    """An assignment's role; one that does not reach images has no verbs."""
    guid = assignment.text("roleDefinitionId").rsplit("/", 1)[-1].lower()
    # Before the registry exists, its subscription and so the role's id are unknown.
    return ROLES.get(guid, Role(guid, ())) if guid else Role(NOT_KNOWN, (NOT_KNOWN,))


def reaches(assignment: Resource) -> dict[str, Reach]:
    """Where an assignment of a role for repositories allows each action that the role has; none for other roles.

    Only those roles know repositories: of a registry's other roles a condition on the name narrows nothing. A role that is not
    known yet, and has a condition, is taken for the one that pushes.
    """
    role = role_of(assignment)
    condition = assignment.text("condition")
    if not role.by_repository and not (role.name == NOT_KNOWN and condition):
        return {}
    return {action: reach(condition, action) for action in data_actions(role.verbs if role.by_repository else PUSH)}


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
        verbs = role_of(assignment).verbs
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
            repository, wanted = scope_map_action(action)
            found.setdefault(repository, []).append(wanted)
        for repository, actions in found.items():
            ordered = tuple(verb for verb in DELETE if DATA_ACTIONS[verb][0] in actions)
            if not ordered:
                continue
            yield Permission(token.urn, shown, host, EVERY_REPOSITORY if repository == "*" else repository, ordered)
    for registry in world.of(REGISTRY):
        if registry.value("adminUserEnabled") is True:
            key = f"{registry.urn} admin"
            yield Permission(key, "admin user", login_server(registry), EVERY_REPOSITORY, ADMINISTER)


def _places(assignment: Resource, verbs: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Repositories to what is allowed on them."""
    if is_unknown(assignment.inputs.get("condition")):
        return {NOT_KNOWN: list(verbs)}
    found = reaches(assignment)
    places: dict[str, list[str]] = {}
    for verb in verbs:
        # Of a role that is not known yet the condition states where a push would be allowed.
        where = found["content/write" if verb == NOT_KNOWN else DATA_ACTIONS[verb][0]] if found else Reach(others=True)
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
