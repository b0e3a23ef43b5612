"""What there is in the cluster and in the emulated clouds, as lists that can be compared with those of an undisturbed update."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from rehearsal.access_matrix.registry import Service
from rehearsal.cluster import BuiltCluster
from rehearsal.cluster.api import ApiServer
from rehearsal.emulators.aws.client import operator_client
from rehearsal.emulators.azure.store import Store as AzureStore

Inventory: TypeAlias = Counter[str]
"""One text for each thing; one that is there twice is counted twice."""

_RANDOM = re.compile(r"-[0-9a-f]{8}$")
_MADE_BY_OTHERS = frozenset(
    ("pods", "events", "endpoints", "endpointslices", "leases", "controllerrevisions", "replicasets")
)
_MANAGER = re.compile(r"^pulumi-kubernetes|^mendix-registry")


def of_cluster(cluster: BuiltCluster, namespaces: set[str]) -> Inventory:
    """All objects in ``namespaces`` and the namespaces themselves, each with the number of managers of Pulumi that own fields of
    it: one made by two updates has two."""
    found: Inventory = Counter()
    with cluster.connect() as api:
        for path, kind in _kinds(api):
            listed: list[dict[str, Any]] = (api.get(f"{path}/{kind}") or {}).get("items", [])
            for metadata in (item["metadata"] for item in listed):
                namespace = metadata.get("namespace", "")
                if (namespace or metadata["name"]) not in namespaces:
                    continue
                managers = {
                    item["manager"] for item in metadata.get("managedFields", ()) if _MANAGER.match(item["manager"])
                }
                name = _RANDOM.sub("-*", metadata["name"])
                found[f"{kind} {namespace}/{name}" + f" managers={len(managers)}" * bool(managers)] += 1
    return found


def _kinds(api: ApiServer) -> Iterator[tuple[str, str]]:
    """Path of its group's version and name in the path, of each kind that can be listed and that no controller makes by itself."""
    groups = (api.get("/apis") or {})["groups"]
    for path in ("/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)):
        for kind in (api.get(path) or {})["resources"]:
            namespaced = kind["namespaced"] or kind["name"] == "namespaces"
            if "list" in kind["verbs"] and namespaced and kind["name"] not in _MADE_BY_OTHERS:
                yield path, kind["name"]


def of_aws(cluster: BuiltCluster, region: str) -> Inventory:
    """Repositories and templates of ECR; roles, users, policies, keys and providers of IAM; associations of EKS."""
    endpoint = cluster.service_endpoint("clouds")
    assert endpoint is not None
    service = Service(endpoint.address, endpoint.authority)

    def client(name: str) -> Any:
        return operator_client(name, region, f"https://{service.address}:9001", str(service.authority))

    return Counter(_aws(client("ecr"), client("iam")))


def _aws(ecr: Any, iam: Any) -> Iterator[str]:
    for repository in ecr.describe_repositories()["repositories"]:
        name = repository["repositoryName"]
        yield f"repository {name}"
        for kind, ask in (("lifecycle", ecr.get_lifecycle_policy), ("policy", ecr.get_repository_policy)):
            try:
                ask(repositoryName=name)
            except (ecr.exceptions.LifecyclePolicyNotFoundException, ecr.exceptions.RepositoryPolicyNotFoundException):
                continue
            yield f"{kind} of {name}"
    for role in iam.list_roles()["Roles"]:
        yield f"role {role['RoleName']}"
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            yield f"policy {role['RoleName']}:{name}"
        for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
            yield f"attached {role['RoleName']}/{policy['PolicyArn']}"
    for user in iam.list_users()["Users"]:
        yield f"user {user['UserName']}"
        for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
            yield f"key of {key['UserName']}"
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        yield f"policy {policy['Arn']} versions={len(iam.list_policy_versions(PolicyArn=policy['Arn'])['Versions'])}"
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        yield f"provider {provider['Arn']}"


def of_azure(data: Path) -> Inventory:
    """Every resource, by its id; a role assignment, whose name is random, by scope, principal's name and role."""
    store = AzureStore(data / "azure")
    names = {
        document["properties"]["principalId"]: document["name"]
        for document in store.below("/")
        if "principalId" in document.get("properties", {}) and "roleDefinitionId" not in document["properties"]
    }
    found: Inventory = Counter()
    for document in store.below("/"):
        properties = document.get("properties", {})
        if "roleDefinitionId" in properties:
            principal = properties["principalId"]
            found[
                f"assignment {properties['scope']} {names.get(principal, principal)} {properties['roleDefinitionId']}"
            ] += 1
        else:
            found[f"{document['type']} {document['id']}"] += 1
    return found


def of_google(data: Path) -> Inventory:
    """Repositories, service accounts, members of roles."""
    path = data / "gcp.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    found: Inventory = Counter()
    for kind in ("repositories", "accounts"):
        found.update(f"{kind} {name}" for name in document.get(kind, {}))
    for resource, versions in document.get("policies", {}).items():
        for binding in versions[-1]["policy"].get("bindings", ()):
            found.update(f"{resource} {binding['role']} {member}" for member in binding["members"])
    return found
