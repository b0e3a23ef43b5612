"""What an identity may do: push to and pull from named repositories, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from access_documents import amazon, azure, google, kubernetes
from access_documents.acr_conditions import reach
from access_documents.amazon import IDENTITY_POLICIES, REGISTRY_POLICY, RESOURCE_POLICIES
from access_documents.verbs import PUSH, is_expected

from .iam import allowing_statements, resource_statements, texts
from .rule import Finding, Resource, Rule, is_inexact, is_listed, mapping, sequence, strings

_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_ATTACHED = (
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
)
_REGISTRY_SCOPE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerRegistry/registries/[^/]+", re.IGNORECASE
)
_ACR_ROLES = {guid: role.name for guid, role in azure.ROLES.items() if is_expected(role.verbs)}
_GOOGLE_ROLES = tuple(role for role, verbs in google.ROLES.items() if is_expected(verbs))
_KUBERNETES_ROLES = tuple(role for role, verbs in kubernetes.ROLES.items() if is_expected(verbs))


def _check(resource: Resource) -> Iterator[Finding]:
    kind = azure.plain_type(resource.type)
    if kind in IDENTITY_POLICIES:
        for statement in allowing_statements(resource.inputs.get("policy")):
            yield from _aws(resource, statement)
    elif kind in RESOURCE_POLICIES:
        yield from _resource_policy(resource)
    elif kind in _ATTACHED:
        yield from _attached(resource, str(resource.inputs.get("policyArn", "")))
    elif kind == "aws:iam/role:Role":
        yield from _role(resource)
    elif kind == "azure-native:authorization:RoleAssignment":
        yield from _azure(resource)
    elif kind == "azure-native:containerregistry:ScopeMap":
        yield from _scope_map(resource)
    elif kind.startswith("gcp:"):
        yield from _google(resource, kind)
    elif kind.startswith("kubernetes:rbac.authorization.k8s.io/") and "RoleBinding" in kind:
        yield from _kubernetes(resource, kind)


def _role(resource: Resource) -> Iterator[Finding]:
    """What a role brings along in itself."""
    for item in sequence(resource.inputs.get("inlinePolicies")):
        for statement in allowing_statements(mapping(item).get("policy")):
            yield from _aws(resource, statement)
    for arn in texts(resource.inputs.get("managedPolicyArns")):
        yield from _attached(resource, arn)


def _resource_policy(resource: Resource) -> Iterator[Finding]:
    """What the policy of a repository or registry lets others do there."""
    # Only the registry's policy has a Resource: a repository's is about that repository.
    of_registry = resource.type == REGISTRY_POLICY
    for statement in resource_statements(resource):
        yield from _aws(resource, statement if of_registry else {k: v for k, v in statement.items() if k != "Resource"})
    if resource.listed("repositories") and "repository" in resource.inputs:
        yield from _foreign(resource, str(resource.inputs.get("repository")))


def _attached(resource: Resource, arn: str) -> Iterator[Finding]:
    if not is_listed(arn, resource.listed("awsManagedPolicies")):
        yield Finding(
            f"{resource.name} attaches the policy {arn}, which this rule does not know.",
            "grant exactly what a push needs in an inline policy, or list this ARN in awsManagedPolicies.",
        )


def _foreign(resource: Resource, repository: str) -> Iterator[Finding]:
    allowed = resource.listed("repositories")
    if allowed and not is_listed(repository, allowed):
        yield Finding(
            f"{resource.name} grants rights on the repository {repository}, which is not among {', '.join(allowed)}.",
            "grant rights on the namespaces' own repositories only, or add this one to repositories.",
        )


def _aws(resource: Resource, statement: Mapping[str, Any]) -> Iterator[Finding]:
    if "NotAction" in statement or "NotResource" in statement:
        yield Finding(
            f"{resource.name} allows everything with exceptions (NotAction or NotResource).",
            "list the actions and the repositories that a push needs.",
        )
        return
    actions, targets = texts(statement.get("Action")), texts(statement.get("Resource"))
    excess = [action for action in actions if not amazon.is_expected(action)]
    if excess:
        yield Finding(
            f"{resource.name} allows {', '.join(excess)}, which no push needs.",
            "leave only what a push needs: "
            + ", ".join(amazon.REPOSITORY_ACTIONS[:2])
            + ", … (docs/policy.md has the list).",
        )
    if set(actions) <= {amazon.LOGIN}:
        return
    on_keys = set(actions) <= set(amazon.KEY_ACTIONS)
    for target in targets:
        name = _repository(target)
        if not (_KEY_ARN.fullmatch(target) if on_keys else name):
            yield Finding(
                f"{resource.name} allows {actions[0]} and more on {target}, which is not one repository.",
                "name the repositories by their full ARNs: region, account and name, with no wildcard but /* after a name.",
            )
        elif not on_keys:
            yield from _foreign(resource, name)


def _repository(arn: str) -> str:
    """The name of the one repository that an ARN names, with or without all below it; empty for anything else."""
    found = amazon.REPOSITORY_ARN.fullmatch(arn.removesuffix("/*"))
    return found[4] if found and all(found.groups()) and not is_inexact(arn.removesuffix("/*")) else ""


def _azure(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    role = str(inputs.get("roleDefinitionId", "")).rpartition("/")[2].lower()
    if role not in _ACR_ROLES and role not in resource.listed("azureRoles"):
        yield Finding(
            f"{resource.name} assigns the role {role or '(none)'}, which is more or other than pushing and pulling images.",
            f"assign one of {', '.join(_ACR_ROLES.values())}; or list the role's GUID in azureRoles.",
        )
        return
    scope = str(inputs.get("scope", ""))
    if not _REGISTRY_SCOPE.fullmatch(scope):
        yield Finding(
            f"{resource.name} assigns {_ACR_ROLES.get(role, role)} on {scope or '(none)'}, which is not one registry.",
            "set scope to the resource id of the registry.",
        )
    if role in azure.ROLES and azure.ROLES[role].by_repository and "push" in azure.ROLES[role].verbs:
        yield from _condition(resource, str(inputs.get("condition", "")))


def _condition(resource: Resource, condition: str) -> Iterator[Finding]:
    """Where each action of the role is allowed has to be named: one that the condition leaves out is allowed everywhere."""
    reaches = {action: reach(condition, action) for action in azure.data_actions(PUSH)}
    if unread := [action for action, each in reaches.items() if not each.understood]:
        yield Finding(
            f"{resource.name} has a condition that is not understood for {', '.join(unread)}: it may hold for all repositories.",
            "compare the repository's name only, for all four actions of the role (docs/policy.md has the form).",
        )
        return
    names = {name for each in reaches.values() for name in each.names}
    if any(each.others or each.too_wide for each in reaches.values()):
        yield Finding(
            f"{resource.name} lets an identity write to all repositories of the registry, or to more than it names.",
            "narrow the assignment to exact repository names, for all four actions of the role (docs/policy.md has the form).",
        )
        return
    if not names:
        yield Finding(
            f"{resource.name} has a condition that no repository meets: no push succeeds.",
            "name repositories in lower case; to StringEquals a * is a plain character.",
        )
    for name in sorted(names):
        yield from _foreign(resource, name.removesuffix("/*"))


def _scope_map(resource: Resource) -> Iterator[Finding]:
    for action in (str(item) for item in sequence(resource.inputs.get("actions"))):
        repository, wanted = azure.scope_map_action(action)
        if wanted not in azure.data_actions(PUSH) or is_inexact(repository):
            yield Finding(
                f"the scope map {resource.name} allows {action}.",
                "allow only content and metadata, read and write, of repositories named without a wildcard.",
            )
        else:
            yield from _foreign(resource, repository)


def _google(resource: Resource, kind: str) -> Iterator[Finding]:
    role = str(resource.inputs.get("role", ""))
    if kind.startswith("gcp:artifactregistry/repositoryIam"):
        if role not in _GOOGLE_ROLES:
            yield Finding(
                f"{resource.name} grants {role or 'a whole policy'} on a repository, which is more than pushing and pulling.",
                f"grant one of {', '.join(_GOOGLE_ROLES)} to one member.",
            )
        yield from _foreign(resource, str(resource.inputs.get("repository", "")))
    elif kind.startswith("gcp:serviceaccount/iAM"):
        if role != google.WORKLOAD_IDENTITY:
            yield Finding(
                f"{resource.name} grants {role or 'a whole policy'} on a service account.",
                f"grant only {google.WORKLOAD_IDENTITY}, to one ServiceAccount.",
            )
    elif kind.startswith(("gcp:projects/iAM", "gcp:folder/iAM", "gcp:organizations/iAM")):
        yield Finding(
            f"{resource.name} grants {role or 'a whole policy'} on a whole project, folder or organisation.",
            "grant the role on the repository only (RepositoryIamMember).",
        )


def _kubernetes(resource: Resource, kind: str) -> Iterator[Finding]:
    name = str(mapping(resource.inputs.get("roleRef")).get("name", ""))
    if kind.endswith((":ClusterRoleBinding", ":ClusterRoleBindingPatch")):
        yield Finding(
            f"{resource.name} grants {name} in all namespaces.",
            "bind the role in the namespace that builds, by a RoleBinding.",
        )
    elif name not in (*_KUBERNETES_ROLES, *resource.listed("kubernetesRoles")) or is_inexact(name):
        yield Finding(
            f"{resource.name} grants the role {name or '(none)'}, which no push needs.",
            f"bind one of {', '.join(_KUBERNETES_ROLES)}, or list the role in kubernetesRoles.",
        )


LEAST_PRIVILEGE = Rule(
    name="least-privilege",
    title="Only what a push needs, on these repositories only",
    description=(
        "An identity may do what a push needs, on the repositories it is for, and nothing else: whoever takes over one build "
        "must not reach other namespaces' images, or anything beside images."
    ),
    remedy="Grant the push actions on named repositories.",
    check=_check,
    severity="high",
    settings={
        "repositories": strings("patterns of repositories that rights may be granted on; none given: any named one"),
        "awsManagedPolicies": strings("ARNs of managed policies that may be attached", amazon.PULL_POLICIES),
        "azureRoles": strings("GUIDs of further roles that may be assigned"),
        "kubernetesRoles": strings("further roles that may be bound in a namespace"),
    },
)
