"""What in a resource trusts or permits more than one exact ServiceAccount on named repositories, and what it newly trusts."""

from __future__ import annotations

from typing import Final

from access_documents import google, kubernetes
from access_documents.azure import AUDIENCES, data_actions, scope_map_action
from access_documents.verbs import PUSH, is_expected
from report import broad_access_aws
from report.access import azure, gcp
from report.access.azure import CREDENTIAL, role_of
from report.access.gcp import ACCOUNT_MEMBERS, PROJECT_MEMBERS, members
from report.access.world import Resource, World
from report.broad_access_aws import BroadAccess, Surroundings
from report.values import at, is_unknown, listing, mapping, text, texts

_ISSUING: Final = (broad_access_aws.ROLE, CREDENTIAL, *ACCOUNT_MEMBERS)


def broad_access(world: World, resource: Resource, around: Surroundings, old: Resource | None = None) -> BroadAccess:
    """What ``resource`` trusts or permits too widely. ``old`` is the same resource before, if that is not the one asked about."""
    match resource.type:
        case type_ if type_.startswith("aws:"):
            yield from broad_access_aws.broad_access(world, resource, around, old)
        case type_ if type_.startswith("gcp:"):
            yield from _members(resource)
        case "azure-native:managedidentity:FederatedIdentityCredential":
            yield from _credential(resource)
        case "azure-native:authorization:RoleAssignment":
            yield from _assignment(resource)
        case "azure-native:containerregistry:Registry":
            if resource.value("anonymousPullEnabled") is True:
                yield "Everyone on the internet can pull without an account.", ""
        case "azure-native:containerregistry:ScopeMap":
            for action in texts(resource.value("actions")):
                if "*" in action:
                    yield "The scope map has a wildcard: it reaches other namespaces' repositories.", action
                elif scope_map_action(action)[1] not in data_actions(PUSH):
                    yield "The scope map allows more than to push and to pull.", action
        case type_ if type_.startswith("kubernetes:"):
            yield from _binding(resource)
        case _:
            pass


def trusted_issuers(world: World) -> frozenset[str]:
    """The issuers and clusters whose tokens any resource of the stack trusts."""
    return frozenset(issuer for resource in world.of(*_ISSUING) for issuer in _issuers(resource))


def newly_trusted(resource: Resource, old: Resource | None, elsewhere: frozenset[str]) -> BroadAccess:
    """The issuers and audiences whose tokens a resource accepts, and has not accepted before.

    A resource that is new, or trusted none, is compared with what the stack trusted ``elsewhere``: the first issuer of a stack is
    no news, a second one is.
    """
    if resource.type not in _ISSUING:
        return
    trusted = _issuers(resource)
    was = (_issuers(old) if old else set[str]()) or elsewhere
    for issuer in sorted(trusted - was) if was else ():
        yield "Another cluster's tokens are trusted.", issuer
    accepted = _audiences(old) if old else set[str]()
    for audience in sorted(_audiences(resource) - accepted) if accepted else ():
        yield "Another cluster's tokens are trusted, or those made for another service: the audience changes.", audience


def _issuers(resource: Resource) -> set[str]:
    if resource.type == CREDENTIAL:
        return {resource.text("issuer").removeprefix("https://").rstrip("/")} - {""}
    if resource.type in ACCOUNT_MEMBERS:
        return gcp.pools(members(resource))
    return broad_access_aws.issuers(resource)


def _audiences(resource: Resource) -> set[str]:
    return (
        set(texts(resource.value("audiences"))) if resource.type == CREDENTIAL else broad_access_aws.audiences(resource)
    )


def _credential(credential: Resource) -> BroadAccess:
    subject, issuer = credential.text("subject"), credential.text("issuer")
    if "*" in subject:
        yield "The subject has a wildcard: other ServiceAccounts can act as this identity.", subject
    if issuer and (not issuer.startswith("https://") or "*" in issuer):
        yield "The issuer is not one exact address with https://: others can issue tokens.", issuer
    audiences = texts(credential.value("audiences"))
    if not audiences and not is_unknown(credential.value("audiences")):
        yield "The credential names no audience: tokens made for other services are accepted.", ""
    for audience in audiences:
        if audience not in AUDIENCES:
            yield "The audience is not Azure's: tokens made for other services are accepted.", audience


def _assignment(assignment: Resource) -> BroadAccess:
    role = role_of(assignment)
    name, verbs = role.name, role.verbs
    scope = assignment.text("scope")
    if scope and "/registries/" not in scope.lower():
        yield "The role holds for more than one registry.", scope
    if "administer" in verbs:
        yield "The role may do everything, changing permissions too.", name
    elif "delete" in verbs:
        yield "The role may delete images.", name
    elif not verbs:
        yield "The role is not one that only pushes or pulls.", name
    reaches = azure.reaches(assignment)
    known = {action: each for action, each in reaches.items() if each.understood}
    if open_for := [action for action, each in known.items() if each.others]:
        if assignment.text("condition"):
            yield (
                "The condition does not name the repositories exactly: these actions are allowed on others too.",
                ", ".join(open_for),
            )
        elif not is_unknown(assignment.inputs.get("condition")):
            yield "The role has no repository condition: it holds for every repository of the registry.", name
    for pattern in sorted({pattern for each in known.values() for pattern in each.too_wide}):
        yield "The condition has a wildcard: it reaches other namespaces' repositories.", pattern


_WORKLOADS: Final = ("principal:", "principalSet:")


def _members(binding: Resource) -> BroadAccess:
    for bound in gcp.bindings(binding):
        yield from _bound(binding.type, bound.role, bound.members)


def _bound(type_: str, role: str, named: tuple[str, ...]) -> BroadAccess:
    for member in named:
        if member in ("allUsers", "allAuthenticatedUsers"):
            yield "Everyone on the internet is allowed.", member
        elif member.startswith(("principalSet:", "domain:", "group:")) or "*" in member:
            yield "It names a set of identities, not one ServiceAccount.", member
        elif type_ in ACCOUNT_MEMBERS and not (google.WORKLOAD.fullmatch(member) or member.startswith(_WORKLOADS)):
            yield "Someone who is no ServiceAccount of a cluster can act as this account.", member
    if type_ in PROJECT_MEMBERS and (role in google.ROLES or role.startswith("roles/artifactregistry")):
        yield "The role holds for every repository of the project.", role
    elif role and type_.startswith(("gcp:projects/", "gcp:folder/", "gcp:organizations/")):
        yield "The role holds for more than a registry.", role
    verbs = google.ROLES.get(role, ())
    expected = role == google.WORKLOAD_IDENTITY if type_ in ACCOUNT_MEMBERS else is_expected(verbs)
    if "administer" in verbs:
        yield "The role may do everything, changing permissions too.", role
    elif "delete" in verbs:
        yield "The role may delete images.", role
    elif role and not expected and type_.startswith(("gcp:artifactregistry/", "gcp:serviceaccount/")):
        yield "The role is not one that only pushes or pulls.", role


def _binding(binding: Resource) -> BroadAccess:
    kind = binding.type.rsplit(":", 1)[-1].removesuffix("Patch")
    role = binding.text("roleRef", "name")
    if kind == "ClusterRoleBinding":
        yield "The role holds in every namespace of the cluster.", role
    if kind not in ("RoleBinding", "ClusterRoleBinding"):
        return
    for subject in listing(binding.value("subjects")):
        if mapping(subject).get("kind") in ("Group", "User"):
            yield "It binds a whole group or a user, not one ServiceAccount.", text(at(subject, "name"))
    verbs = kubernetes.ROLES.get(role) if binding.text("roleRef", "kind") in ("ClusterRole", "") else None
    if role and verbs is None:
        yield "The role is not one that only pushes or pulls.", role
    elif verbs and "delete" in verbs:
        yield "The role may delete images, and read or change more than images.", role
