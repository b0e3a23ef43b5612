"""Breaks what a stack made, through the clouds' own APIs, and puts it back. What an edit is called stands in ``broken/*.yaml``."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from rehearsal.access_matrix.registry import Service
from rehearsal.cluster import BuiltCluster
from rehearsal.emulators.aws.client import operator_client
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN as AZURE_OPERATOR
from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN as GOOGLE_OPERATOR

Undo = Callable[[], object]
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


class Breaker:
    """``namespace`` is the stack's one namespace."""

    def __init__(self, namespace: str, cluster: BuiltCluster, environment: dict[str, str]) -> None:
        self._namespace, self._cluster, self._environment = namespace, cluster, environment

    def edit(self, what: str, replace: tuple[str, str] = ("", ""), document: Any = None) -> Undo:
        """Does one edit; what it gives back undoes it."""
        place, _, name = what.partition(" ")
        return getattr(self, f"_{place}_{name.replace(' ', '_')}")(replace, document)

    # Amazon

    def _aws(self, service: str) -> Any:
        return operator_client(
            service,
            "eu-west-1",
            self._environment["REHEARSAL_AWS_ENDPOINT"],
            self._environment["REHEARSAL_CLOUD_CA_FILE"],
        )

    def _mine(self, items: list[dict[str, Any]], key: str) -> str:
        (name,) = [item[key] for item in items if item[key].endswith(self._namespace)]
        return name

    def _aws_push_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        role = self._mine(iam.list_roles()["Roles"], "RoleName")
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        present = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        put = lambda text: iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=text)  # noqa: E731
        put(changed(present, replace))
        return lambda: put(json.dumps(present))

    def _aws_trust_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        role = self._mine(iam.list_roles()["Roles"], "RoleName")
        present = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        put = lambda text: iam.update_assume_role_policy(RoleName=role, PolicyDocument=text)  # noqa: E731
        put(changed(present, replace))
        return lambda: put(json.dumps(present))

    def _aws_user_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        user = self._mine(iam.list_users()["Users"], "UserName")
        (policy,) = iam.list_user_policies(UserName=user)["PolicyNames"]
        present = iam.get_user_policy(UserName=user, PolicyName=policy)["PolicyDocument"]
        put = lambda text: iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=text)  # noqa: E731
        put(changed(present, replace))
        return lambda: put(json.dumps(present))

    def _aws_inactive_key(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        user = self._mine(iam.list_users()["Users"], "UserName")
        (key,) = [item["AccessKeyId"] for item in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
        put = lambda status: iam.update_access_key(UserName=user, AccessKeyId=key, Status=status)  # noqa: E731
        put("Inactive")
        return lambda: put("Active")

    def _aws_boundary(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        role = self._mine(iam.list_roles()["Roles"], "RoleName")
        iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=READ_ONLY)
        return lambda: iam.delete_role_permissions_boundary(RoleName=role)

    def _aws_nodes_detached(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        given = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].endswith(("node", "nodes"))]
        for role in given:
            iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
        return lambda: [iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY) for role in given]

    def _aws_repository_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        ecr = self._aws("ecr")
        name = f"mendixapps/{self._namespace}"
        ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(document))
        return lambda: ecr.delete_repository_policy(repositoryName=name)

    def _aws_no_identity_provider(self, replace: tuple[str, str], document: Any) -> Undo:
        iam = self._aws("iam")
        (arn,) = [item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        url = f"https://{arn.partition('oidc-provider/')[2]}"
        made = {"Url": url, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": ["0" * 40]}
        return lambda: iam.create_open_id_connect_provider(**made)

    def _aws_no_association(self, replace: tuple[str, str], document: Any) -> Undo:
        eks = self._aws("eks")
        (item,) = eks.list_pod_identity_associations(clusterName="production", namespace=self._namespace)[
            "associations"
        ]
        found = eks.describe_pod_identity_association(clusterName="production", associationId=item["associationId"])
        role = found["association"]["roleArn"]
        eks.delete_pod_identity_association(clusterName="production", associationId=item["associationId"])
        made = {"namespace": self._namespace, "serviceAccount": item["serviceAccount"], "roleArn": role}
        return lambda: eks.create_pod_identity_association(clusterName="production", **made)

    # A registry with passwords

    def _generic_password(self, replace: tuple[str, str], document: Any) -> Undo:
        """The Secret holds another password than the registry's."""
        path = f"/api/v1/namespaces/{self._namespace}/secrets"
        (secret,) = [item for item in self._read(path)["items"] if item["type"] == "kubernetes.io/dockerconfigjson"]
        auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
        for entry in auths["auths"].values():
            user = base64.b64decode(entry["auth"]).decode().partition(":")[0]
            entry["auth"] = base64.b64encode(f"{user}:yesterday's".encode()).decode()
        self._put(path, secret, data={".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()})
        return lambda: self._put(path, secret, data=secret["data"])

    def _generic_unlinked(self, replace: tuple[str, str], document: Any) -> Undo:
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts"
        account = self._read(f"{path}/default")
        self._put(path, account, imagePullSecrets=[])
        return lambda: self._put(path, account, imagePullSecrets=account["imagePullSecrets"])

    # OpenShift

    def _openshift_role_bindings(self, replace: tuple[str, str], document: Any) -> Undo:
        """Every RoleBinding to system:image-builder is for another ServiceAccount."""
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self._namespace}/rolebindings"
        found = [item for item in self._read(path)["items"] if item["roleRef"]["name"] == "system:image-builder"]
        for binding in found:
            self._put(path, binding, subjects=json.loads(changed(binding["subjects"], replace)))
        return lambda: [self._put(path, binding, subjects=binding["subjects"]) for binding in found]

    def _read(self, path: str) -> dict[str, Any]:
        found = self._cluster.get(path)
        assert found is not None
        return found

    def _put(self, path: str, present: dict[str, Any], **changes: Any) -> None:
        kinds = {"secrets": "Secret", "serviceaccounts": "ServiceAccount", "rolebindings": "RoleBinding"}
        kind = path.rpartition("/")[2]
        version = "v1" if path.startswith("/api/") else "rbac.authorization.k8s.io/v1"
        kept = {key: present[key] for key in ("roleRef", "type") if key in present}
        name = present["metadata"]["name"]
        body = {"apiVersion": version, "kind": kinds[kind], "metadata": {"name": name}, **kept, **changes}
        with self._cluster.connect() as api:
            api.apply(f"{path}/{name}", body)

    # Google

    def _gcp_repository_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        name = f"projects/example-mendix/locations/europe-west4/repositories/{self._namespace}"
        return self._google("artifactregistry.googleapis.com", "GET", name, replace)

    def _gcp_account_policy(self, replace: tuple[str, str], document: Any) -> Undo:
        email = f"builder-{self._namespace}@example-mendix.iam.gserviceaccount.com"
        return self._google("iam.googleapis.com", "POST", f"projects/example-mendix/serviceAccounts/{email}", replace)

    def _google(self, host: str, method: str, resource: str, replace: tuple[str, str]) -> Undo:
        def ask(method: str, verb: str, body: Any = None) -> dict[str, Any]:
            with self._service("REHEARSAL_GCP_ENDPOINT").client(host) as client:
                headers = {"authorization": f"Bearer {GOOGLE_OPERATOR}"}
                return answered(client.request(method, f"/v1/{resource}:{verb}", json=body, headers=headers))

        bindings = ask(method, "getIamPolicy")["bindings"]
        ask("POST", "setIamPolicy", {"policy": {"version": 3, "bindings": json.loads(changed(bindings, replace))}})
        return lambda: ask("POST", "setIamPolicy", {"policy": {"version": 3, "bindings": bindings}})

    # Azure

    def _azure_federated_credential(self, replace: tuple[str, str], document: Any) -> Undo:
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
        return self._azure(kind, replace)

    def _azure_role(self, replace: tuple[str, str], document: Any) -> Undo:
        return self._azure("Microsoft.Authorization/roleAssignments", replace, without=tuple(document or ()))

    def _azure(self, kind: str, replace: tuple[str, str], without: tuple[str, ...] = ()) -> Undo:
        """Replaces a text in the properties of every resource of a kind that has it; resources are made anew."""

        def ask(method: str, path: str, body: Any = None) -> dict[str, Any]:
            with self._service("REHEARSAL_AZURE_ENDPOINT").client("management.azure.com") as client:
                headers, version = {"authorization": f"Bearer {AZURE_OPERATOR}"}, {"api-version": "2025-11-01"}
                return answered(client.request(method, path, json=body, headers=headers, params=version))

        listed = ask("POST", "/rehearsal/list", {"below": "/", "type": kind})["value"]
        found = [item for item in listed if replace[0] in json.dumps(item["properties"])]
        assert found, f"nothing of {kind} has {replace[0]}"

        def put(item: dict[str, Any], properties: Any) -> None:
            ask("DELETE", item["id"])
            if properties is not None:
                ask("PUT", item["id"], {"properties": properties})

        for item in found:
            kept = {key: value for key, value in item["properties"].items() if key not in without}
            put(item, json.loads(changed(kept, replace)) if replace[1] else None)
        return lambda: [put(item, item["properties"]) for item in found]

    def _service(self, endpoint: str) -> Service:
        address = self._environment[endpoint].removeprefix("https://").partition(":")[0]
        return Service(address, Path(self._environment["REHEARSAL_CLOUD_CA_FILE"]))


def changed(document: Any, replace: tuple[str, str]) -> str:
    """A document with one text replaced by another; it has to be there."""
    text = json.dumps(document)
    assert replace[0] in text, f"{replace[0]} is not in {text}"
    return text.replace(*replace)


def answered(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    return response.json() if response.content else {}
