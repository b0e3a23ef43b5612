"""What a ``google-gcr`` stack needs of Google Cloud, and what its projects hold before the stack is brought up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rehearsal.sandbox.wanted_cloud import WantedCloud

DEFAULT_NUMBER = "123456789012"
_GCR = {"gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia"}
_HOST = re.compile(r"([a-z][a-z0-9-]*)-docker\.[a-z0-9.-]+")
_APIS = ("artifactregistry", "iam", "iamcredentials", "sts", "cloudresourcemanager")
_READER, _WRITER = "roles/artifactregistry.reader", "roles/artifactregistry.writer"


@dataclass(frozen=True, slots=True)
class _Stack:
    """The parts of a stack file that describe what is at Google."""

    registry: Mapping[str, Any]
    authentication: Mapping[str, Any]
    namespaces: Mapping[str, Mapping[str, Any]]
    hosts: Mapping[str, str]
    """Location by registry host."""

    def repository(self, namespace: str) -> tuple[str, str, str] | None:
        """Project, location and id of the repository of a namespace."""
        pattern = self.namespaces[namespace].get("repository") or self.registry.get("repository")
        parts = str(pattern or "").replace("{namespace}", namespace).split("/")
        project = str(self.registry.get("project") or parts[0])
        rest = parts[2:] if ":" in project else parts[1:]
        host = _host(self.registry.get("pushHost"))
        location = str(self.registry.get("location") or self.hosts.get(host, ""))
        identity = host if host in _GCR else "".join(rest[:1])
        return (project, location, identity) if project and location and identity else None

    @property
    def project(self) -> str:
        """The project of the first namespace's repository."""
        first = next((found for name in self.namespaces if (found := self.repository(name))), None)
        return first[0] if first else "example-project"

    @property
    def pool(self) -> str:
        return str(self.authentication.get("workloadPool") or f"{self.project}.svc.id.goog")

    @property
    def number(self) -> str:
        return str(self.authentication.get("projectNumber") or DEFAULT_NUMBER)

    @property
    def nodes(self) -> list[str]:
        return [str(email) for email in cast("list[Any]", self.registry.get("nodeServiceAccounts") or [])]

    @property
    def node(self) -> str:
        """The service account of the rehearsal's node: the first that the stack file names, else Compute Engine's default."""
        return self.nodes[0] if self.nodes else f"{self.number}-compute@developer.gserviceaccount.com"

    def service_account(self, namespace: str) -> str:
        account = _mapping(self.namespaces[namespace].get("serviceAccount"))
        return str(account.get("name") or "mendix-builder")


def wanted_gcp(registry: Mapping[str, Any], config: Mapping[str, Any]) -> WantedCloud | None:
    """The projects and hosts of the stack; None where no push host is to be found, which the program will report."""
    if not isinstance(registry.get("pushHost"), str):
        return None
    given = (_host(registry.get(key)) for key in ("pushHost", "pullHost"))
    hosts = {host: _location(host, registry) for host in given if host}
    listed = config.get("namespaces")
    items = [_mapping(item) for item in cast("list[Any]", listed)] if isinstance(listed, list) else []
    namespaces = {str(item["name"]): item for item in items if isinstance(item.get("name"), str)}
    stack = _Stack(registry, _mapping(registry.get("authentication")), namespaces, hosts)
    region = next((location for location in hosts.values() if "-" in location), "europe-west4")
    settings = {
        "workload_pool": stack.pool,
        "project_number": stack.number,
        "principal_domain": str(stack.authentication.get("principalDomain") or "iam.googleapis.com"),
        "node_service_account": stack.node,
        "registry_hosts": hosts,
        "location": region,
        "service_account_quota": stack.authentication.get("serviceAccountQuota", 100),
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
        repositories = {name: found for name in stack.namespaces if (found := stack.repository(name))}
        if not stack.nodes:
            # Nothing else is set: Compute Engine's default account, which may read everything in its project.
            for project in sorted({found[0] for found in repositories.values()}):
                self._grant(f"projects/{project}", _READER, f"serviceAccount:{stack.node}")
        artifact_registry = _mapping(stack.registry.get("artifactRegistry"))
        if artifact_registry.get("existing") or artifact_registry.get("import"):
            for project, location, identity in sorted(set(repositories.values())):
                parent = f"/projects/{project}/locations/{location}/repositories"
                self._ensure(parent, _described(artifact_registry), repositoryId=identity)
        for namespace, repository in repositories.items():
            self._identity(namespace, repository)

    def _identity(self, namespace: str, repository: tuple[str, str, str]) -> None:
        """The service account that exists, and what someone else has granted."""
        stack = self._stack
        authentication = stack.authentication
        user = f"{namespace}/{stack.service_account(namespace)}"
        given = authentication.get("existing") or authentication.get("import")
        email = str(given).replace("{namespace}", namespace) if given else ""
        name = self._service_account(email) if email else ""
        if authentication.get("grant") is not False:
            return
        project, location, identity = repository
        resource = f"projects/{project}/locations/{location}/repositories/{identity}"
        if email:
            self._grant(name, "roles/iam.workloadIdentityUser", f"serviceAccount:{stack.pool}[{user}]")
            self._grant(resource, _WRITER, f"serviceAccount:{email}")
        elif authentication.get("method") == "direct":
            subject = f"subject/ns/{namespace}/sa/{stack.service_account(namespace)}"
            domain = authentication.get("principalDomain") or "iam.googleapis.com"
            pool = f"projects/{stack.number}/locations/global/workloadIdentityPools/{stack.pool}"
            self._grant(resource, _WRITER, f"principal://{domain}/{pool}/{subject}")

    def _service_account(self, email: str) -> str:
        """Make one; its resource name. Google's own accounts are made by their address."""
        identity, _, domain = email.partition("@")
        project = domain.removesuffix(".iam.gserviceaccount.com")
        if project == domain:
            project = self._stack.project
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
        "dockerConfig": {"immutableTags": given.get("immutableTags", True)},
        "cleanupPolicyDryRun": _mapping(given.get("cleanup")).get("dryRun", True),
        "vulnerabilityScanningConfig": {
            "enablementConfig": str(given.get("vulnerabilityScanning", "inherited")).upper()
        },
    }
    return body | {key: given[key] for key in ("description", "labels", "kmsKeyName") if given.get(key)}


def _location(host: str, registry: Mapping[str, Any]) -> str:
    match = _HOST.fullmatch(host)
    return _GCR.get(host) or str(registry.get("location") or (match[1] if match else ""))


def _host(value: Any) -> str:
    return str(value or "").partition(":")[0]


def _trusting(authority: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=authority)


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
