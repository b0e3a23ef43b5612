"""What a ``google-gcr`` stack needs of Google Cloud, and what its projects hold before the stack is brought up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.sandbox.description import Description, Namespace
from rehearsal.sandbox.wanted_cloud import WantedCloud

DEFAULT_NUMBER = "123456789012"
DEFAULT_LOCATION = "europe-west4"
_APIS = ("artifactregistry", "iam", "iamcredentials", "sts", "cloudresourcemanager")
_READER, _WRITER = "roles/artifactregistry.reader", "roles/artifactregistry.writer"


@dataclass(frozen=True, slots=True)
class _Stack:
    """The parts of a stack that are at Google, with what the sandbox decides where the stack does not."""

    described: Description

    def repository(self, namespace: str) -> tuple[str, str, str] | None:
        """Project, location and id of the repository of a namespace, by its name in the API."""
        name = self.described.place["repositories"][namespace]
        if name is None:
            return None
        _, project, _, location, _, identity = name.split("/")
        return project, location, identity

    @property
    def projects(self) -> list[str]:
        return list(
            dict.fromkeys(found[0] for each in self.described.namespaces if (found := self.repository(each.name)))
        )

    @property
    def pool(self) -> str:
        return self.described.place["workloadPool"]

    @property
    def number(self) -> str:
        return self.described.authentication.get("projectNumber") or DEFAULT_NUMBER

    @property
    def nodes(self) -> list[str]:
        return self.described.registry["nodeServiceAccounts"]

    @property
    def node(self) -> str:
        """The service account of the rehearsal's node: the first that the stack file names, else Compute Engine's default."""
        return self.nodes[0] if self.nodes else f"{self.number}-compute@developer.gserviceaccount.com"


def wanted_gcp(described: Description) -> WantedCloud:
    """The projects and hosts of the stack."""
    stack = _Stack(described)
    location = described.place["location"] or DEFAULT_LOCATION
    # Names without the port, which a registry's own domain name may have.
    hosts = {host.partition(":")[0]: location for host in (described.push_host, described.pull_host) if host}
    method = described.authentication
    optional = {"principal_domain": "principalDomain", "service_account_quota": "serviceAccountQuota"}
    settings = {
        "workload_pool": stack.pool,
        "project_number": stack.number,
        "node_service_account": stack.node,
        "registry_hosts": hosts,
        "location": location if "-" in location else DEFAULT_LOCATION,
        **{name: method[key] for name, key in optional.items() if key in method},
    }
    return WantedCloud(
        name="gcp",
        package="gcp",
        settings=settings,
        names=(*(f"{api}.googleapis.com" for api in _APIS), *hosts),
        registry_hosts=tuple(hosts),
        environment={"REHEARSAL_GCP_ENDPOINT": "https://{address}:9003", "REHEARSAL_CLOUD_CA_FILE": "{authority}"},
        addresses={"metadata.google.internal": "169.254.169.254"},
        prepare=_preparations(stack),
    )


def _preparations(stack: _Stack) -> Callable[[Mapping[str, str]], None]:
    """Make what the stack names as existing and the emulator does not have: repositories, service accounts, others' permissions."""

    def prepare(environment: Mapping[str, str]) -> None:
        import httpx

        from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN

        with httpx.Client(
            base_url=environment["REHEARSAL_GCP_ENDPOINT"] + "/v1",
            verify=_trusting(environment["REHEARSAL_CLOUD_CA_FILE"]),
            headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
            trust_env=False,
            timeout=10,
        ) as client:
            _Preparation(stack, client).run()

    return prepare


class _Preparation:
    """``client`` speaks to the emulator's APIs."""

    def __init__(self, stack: _Stack, client: Any) -> None:
        self._stack, self._client = stack, client

    def run(self) -> None:
        stack = self._stack
        for email in stack.nodes or [stack.node]:
            self._service_account(email)
        namespaces = stack.described.namespaces
        repositories = {each.name: found for each in namespaces if (found := stack.repository(each.name))}
        if not stack.nodes:
            # Nothing else is set: Compute Engine's default account, which may read everything in its project.
            for project in sorted(stack.projects):
                self._grant(f"projects/{project}", _READER, f"serviceAccount:{stack.node}")
        artifact_registry = stack.described.registry["artifactRegistry"]
        if artifact_registry["existing"] or artifact_registry["import"]:
            for project, location, identity in sorted(set(repositories.values())):
                parent = f"/projects/{project}/locations/{location}/repositories"
                self._ensure(parent, _described(artifact_registry), repositoryId=identity)
        for namespace in namespaces:
            if namespace.name in repositories:
                self._identity(namespace, repositories[namespace.name])

    def _identity(self, namespace: Namespace, repository: tuple[str, str, str]) -> None:
        """The service account that exists, and what someone else has granted."""
        stack = self._stack
        account = namespace.what == "service account"
        name = self._service_account(namespace.identity) if account and namespace.given else ""
        if stack.described.authentication["grant"]:
            return
        project, location, identity = repository
        resource = f"projects/{project}/locations/{location}/repositories/{identity}"
        if name:
            member = f"serviceAccount:{stack.pool}[{namespace.name}/{namespace.account}]"
            self._grant(name, "roles/iam.workloadIdentityUser", member)
            self._grant(resource, _WRITER, f"serviceAccount:{namespace.identity}")
        elif not account:
            self._grant(resource, _WRITER, namespace.identity)

    def _service_account(self, email: str) -> str:
        """Make one; its resource name. Google's own accounts are made by their address."""
        identity, _, domain = email.partition("@")
        project = domain.removesuffix(".iam.gserviceaccount.com")
        if project == domain:
            project = next(iter(self._stack.projects), "example-project")
        body: dict[str, Any] = {"accountId": identity, "serviceAccount": {}}
        if domain == "developer.gserviceaccount.com":
            # Google makes this one itself, which no method of the API does.
            body["rehearsalEmail"] = email
        self._ensure(f"/projects/{project}/serviceAccounts", body)
        return f"projects/{project}/serviceAccounts/{email}"

    def _ensure(self, path: str, body: Mapping[str, Any], **query: str) -> None:
        answer = self._client.post(path, json=body, params=query)
        if answer.status_code != 409:
            answer.raise_for_status()

    def _grant(self, resource: str, role: str, member: str) -> None:
        method = "GET" if "/repositories/" in resource else "POST"
        answer = self._client.request(method, f"/{resource}:getIamPolicy")
        answer.raise_for_status()
        policy = answer.json()
        bindings: list[dict[str, Any]] = policy.get("bindings") or []
        if any(member in item["members"] for item in bindings if item["role"] == role):
            return
        policy["bindings"] = [*bindings, {"role": role, "members": [member]}]
        self._client.post(f"/{resource}:setIamPolicy", json={"policy": {**policy, "version": 3}}).raise_for_status()


def _described(given: Mapping[str, Any]) -> dict[str, Any]:
    """A repository as the stack file describes it, so that an import finds no difference."""
    body: dict[str, Any] = {
        "format": "DOCKER",
        "dockerConfig": {"immutableTags": given["immutableTags"]},
        "cleanupPolicyDryRun": given["cleanup"]["dryRun"],
        "vulnerabilityScanningConfig": {"enablementConfig": given["vulnerabilityScanning"].upper()},
    }
    return body | {key: given[key] for key in ("description", "labels", "kmsKeyName") if given[key]}


def _trusting(authority: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=authority)
