"""The objects for the Pulumi Kubernetes Operator (version 2): one Stack for each stack, the identity of its pod, and what that
identity may do in the cluster.

Source: the operator's types ``pulumi.com/v1`` Stack and ``auto.pulumi.com/v1alpha1`` Workspace (pulumi/pulumi-kubernetes-operator,
``operator/api``), what its controllers do with them (``operator/internal/controller``), and its page on installation (the pod's
ServiceAccount needs ``system:auth-delegator``). Only fields that every version 2 has: older ones drop others without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fleet.fleet_file import Fleet, GitRepository, Operator, qualified_name
from fleet.problems import FleetProblem
from fleet.program import Registrations
from fleet.repository import repository_problems
from fleet.stacks import FleetStack, environment_names
from fleet.state import state_variables

ACCOUNT = "mendix-registry-deployer"
"""The ServiceAccount of the pods that deploy."""

ROLE = "mendix-registry-deployer"
"""The ClusterRole with what they may do in a namespace of Mendix; bound in each of them and nowhere else."""

_LABELS = {"app.kubernetes.io/managed-by": "mendix-registry-fleet"}
_TOKEN_KEY = "accessToken"  # noqa: S105 - the name of a key, not a secret
_WRITE = ["create", "delete", "get", "list", "patch", "update", "watch"]
_SERVICE = "kubernetes:core/v1:Service"
_READ = ["get", "list", "watch"]


def operator_problems(fleet: Fleet) -> tuple[FleetProblem, ...]:
    """What is missing or wrong in the fleet's ``operator``."""
    operator = fleet.operator
    if operator is None:
        return (
            FleetProblem(
                "operator",
                "this key is missing",
                "the operator must know where the project is and which image deploys it",
                "add it as docs/fleet.md shows",
            ),
        )
    problems = [*repository_problems(operator.repository)]
    if "@sha256:" not in operator.image:
        problems.append(
            FleetProblem(
                "operator.image",
                "the image is not pinned by digest",
                "whoever can move its tag deploys with all rights of these pods",
                "write …@sha256:<digest>; 'crane digest <image>' prints it",
            )
        )
    if fleet.state.backend is None:
        problems.append(
            FleetProblem(
                "state.backend",
                "this key is missing",
                "the pods keep nothing; without a backend they would look for their state at app.pulumi.com",
                "name the backend",
            )
        )
    return tuple(problems)


def foundation(
    fleet: Fleet, operator: Operator, stacks: Sequence[FleetStack], registered: Sequence[Registrations]
) -> list[dict[str, Any]]:
    """What all stacks of the fleet need: the namespace, the ServiceAccount and its rights."""
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": operator.namespace}
    objects = [
        # The pods meet the strictest Pod Security Standard by the Stack's securityProfile.
        _object(
            "v1",
            "Namespace",
            operator.namespace,
            labels={"pod-security.kubernetes.io/enforce": "restricted"},
        ),
        _object(
            "v1",
            "ServiceAccount",
            ACCOUNT,
            operator.namespace,
            annotations=operator.trust.service_account_annotations,
        ),
        # The pod asks the API server who calls it; only the operator may.
        _object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            f"{ACCOUNT}-{operator.namespace}",
            roleRef=_cluster_role("system:auth-delegator"),
            subjects=[subject],
        ),
    ]
    if _own_cluster(stacks):
        objects.append(_object("rbac.authorization.k8s.io/v1", "ClusterRole", ROLE, rules=_rules(registered)))
        objects += _readers(subject, registered)
        if any(namespace.create for stack in stacks for namespace in stack.settings.namespaces):
            objects += _namespace_maker(subject)
    return objects


def stack_objects(fleet: Fleet, operator: Operator, stacks: Sequence[FleetStack], index: int) -> list[dict[str, Any]]:
    """The Stack object of ``stacks[index]``, and its rights in its namespaces."""
    stack = stacks[index]
    objects: list[dict[str, Any]] = []
    if _own_cluster(stacks):
        objects += (
            _object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                ROLE,
                namespace.name,
                roleRef=_cluster_role(ROLE),
                subjects=[{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": operator.namespace}],
            )
            for namespace in stack.settings.namespaces
            # Where the stack creates the namespace there is nothing yet to put a binding into.
            if not namespace.create
        )
    spec: dict[str, Any] = {
        "stack": qualified_name(fleet, stack.name),
        "serviceAccountName": ACCOUNT,
        **_source(operator.repository),
        "backend": fleet.state.backend,
        "envRefs": _variables(fleet, operator, stack),
        "resyncFrequencySeconds": operator.resync_seconds,
        "refresh": operator.refresh,
        # Deleting the object must not delete a registry with every image in it.
        "destroyOnFinalize": False,
        "retryOnUpdateConflict": False,
        "workspaceTemplate": {"spec": _workspace(fleet, operator)},
        # Each update gets a new pod anyhow; one that is kept only holds the right to deploy, and memory. Kept after a failure.
        "workspaceReclaimPolicy": "Delete",
    }
    if fleet.state.secrets_provider:
        spec["secretsProvider"] = fleet.state.secrets_provider
        # The operator must not create a stack: its data key would be in the pod's stack file only, and be lost with the pod.
        # Every later update would then ask for a passphrase (pulumi-kubernetes-operator#1231).
        spec["useLocalStackOnly"] = True
    before = index - fleet.rollout.stacks_at_once
    if before >= 0:
        # Of the first rollout only so many run at once, or they would use up the clouds' quotas together.
        spec["prerequisites"] = [{"name": stacks[before].name}]
    objects.append(_object("pulumi.com/v1", "Stack", stack.name, operator.namespace, spec=spec))
    return objects


def secret_keys(fleet: Fleet, operator: Operator, stacks: Iterable[FleetStack]) -> list[str]:
    """The keys that the operator's Secret must have."""
    names = {name for stack in stacks for name in environment_names(dict(stack.config))}
    return sorted((names | set(state_variables(fleet.state))) - operator.environment.keys())


def _source(repository: GitRepository) -> dict[str, Any]:
    source: dict[str, Any] = {"projectRepo": repository.url, "shallow": repository.commit is None}
    if repository.directory:
        source["repoDir"] = repository.directory
    if repository.branch:
        source["branch"] = repository.branch
    if repository.commit:
        source["commit"] = repository.commit
    if repository.token_secret:
        source["gitAuth"] = {"accessToken": _from_secret(repository.token_secret, _TOKEN_KEY)}
    return source


def _variables(fleet: Fleet, operator: Operator, stack: FleetStack) -> dict[str, Any]:
    variables: dict[str, Any] = {
        name: {"type": "Literal", "literal": {"value": value}} for name, value in sorted(operator.environment.items())
    }
    for name in secret_keys(fleet, operator, [stack]):
        variables[name] = _from_secret(operator.secret, name)
    return dict(sorted(variables.items()))


def _from_secret(name: str, key: str) -> dict[str, Any]:
    return {"type": "Secret", "secret": {"name": name, "key": key}}


def _workspace(fleet: Fleet, operator: Operator) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "image": operator.image,
        "securityProfile": "restricted",
        # An option of 'pulumi up' by its variable: the field for it, updateTemplate, came with version 2.1 only.
        "env": [{"name": "PULUMI_PARALLEL", "value": str(fleet.rollout.parallel)}],
    }
    if operator.trust.pod_labels:
        spec["podTemplate"] = {"metadata": {"labels": dict(operator.trust.pod_labels)}}
    return spec


def _own_cluster(stacks: Sequence[FleetStack]) -> bool:
    """Whether the namespaces are in the operator's own cluster. Elsewhere the kubeconfig's user needs the rights."""
    return bool(stacks) and stacks[0].settings.cluster.kubeconfig is None


def _rules(registered: Sequence[Registrations]) -> list[dict[str, Any]]:
    rules = [
        _rule("", ["configmaps", "secrets", "serviceaccounts"], _WRITE),
        _rule("batch", ["jobs"], _WRITE),
        _rule("privatecloud.mendix.com", ["operatorconfigurations"], _WRITE),
        # A Job's pods and their events show why it failed.
        _rule("", ["pods", "pods/log", "events"], _READ),
    ]
    roles = sorted(frozenset[str]().union(*(one.roles for one in registered)))
    if roles:
        rules.append(_rule("rbac.authorization.k8s.io", ["rolebindings"], _WRITE))
        # A user may bind a role with more rights than the user has only if allowed to bind that very role.
        bind = _rule("rbac.authorization.k8s.io", ["clusterroles"], ["bind"])
        rules.append({**bind, "resourceNames": roles})
    return rules


def _readers(subject: dict[str, str], registered: Sequence[Registrations]) -> list[dict[str, Any]]:
    """What the program reads outside the stacks' namespaces: Services, such as that of OpenShift 3's registry."""
    reads = frozenset[tuple[str, str]]().union(*(one.reads for one in registered))
    objects: list[dict[str, Any]] = []
    for place in sorted(identity for token, identity in reads if token == _SERVICE):
        namespace, _, name = place.partition("/")
        rule = {**_rule("", ["services"], ["get"]), "resourceNames": [name]}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ROLE}
        objects += (
            _object("rbac.authorization.k8s.io/v1", "Role", ROLE, namespace, rules=[rule]),
            _object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                f"{ROLE}-service",
                namespace,
                roleRef=role,
                subjects=[subject],
            ),
        )
    return objects


def _namespace_maker(subject: dict[str, str]) -> list[dict[str, Any]]:
    """Who creates namespaces has its rights in all of them: a binding needs the namespace to be there first."""
    name = f"{ROLE}-namespaces"
    return [
        _object("rbac.authorization.k8s.io/v1", "ClusterRole", name, rules=[_rule("", ["namespaces"], _WRITE)]),
        *(
            _object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                role,
                roleRef=_cluster_role(role),
                subjects=[subject],
            )
            for role in (name, ROLE)
        ),
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _cluster_role(name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}


def _object(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **content: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {**_LABELS, **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
