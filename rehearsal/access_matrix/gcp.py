"""What to try at the emulated Google Cloud: Workload Identity Federation for GKE, with and without a Google service account.

The stock client's push is the stack's own Job; here the same steps, which GKE's metadata server takes for a pod, are made with
everything that must not work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

from rehearsal.access_matrix.matrix import Attempt, RefusedError
from rehearsal.access_matrix.nodes import Node
from rehearsal.access_matrix.registry import Service, push_and_read_back
from rehearsal.access_matrix.tokens import Forger
from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN
from rehearsal.emulators.gcp.cloud import OTHER_HOSTS, GcpSettings
from rehearsal.emulators.gcp.registry import REALM, place_of
from rehearsal.emulators.gcp.sts import ACCESS_TOKEN, GRANT, JWT

NEIGHBOUR = "mendix-rehearsal-neighbour"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_USER, _WRITER, _READER = (
    "roles/iam.workloadIdentityUser",
    "roles/artifactregistry.writer",
    "roles/artifactregistry.reader",
)
_OTHER_PROJECT = "another-project"


class TokenSource(Protocol):
    """The cluster's TokenRequest API, for ServiceAccounts that are made where they are missing."""

    def token(self, namespace: str, service_account: str, audience: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Builder:
    """Who pushes for a namespace, and where to. ``email`` is its Google service account's, empty with the method ``direct``."""

    namespace: str
    service_account: str
    repository: str
    email: str


@dataclass(frozen=True, slots=True)
class Target:
    """The stack: how it authenticates, its builders, its registry's host, the emulator's settings."""

    method: str
    builders: Sequence[Builder]
    host: str
    settings: GcpSettings


class Prover:
    """Makes the attempts."""

    def __init__(self, target: Target, service: Service, source: TokenSource, forger: Forger, node: Node) -> None:
        self._target, self._service, self._source, self._forger = target, service, source, forger
        self._node = node
        self._pool = target.settings.workload_pool

    def attempts(self) -> Iterator[Attempt]:
        """Everything to try, namespace by namespace."""
        for builder in self._target.builders:
            yield from self._identity(builder)
            yield from self._places(builder)
            yield from self._permissions(builder)
            yield from self._nodes(builder)

    def _identity(self, builder: Builder) -> Iterator[Attempt]:
        namespace, name = builder.namespace, builder.service_account
        own = partial(self._source.token, namespace, name, self._pool)
        neighbour = partial(self._source.token, NEIGHBOUR, name, self._pool)
        # A token is good whoever has it; who may act as the account, or push, is decided after that.
        by = "iamcredentials" if builder.email else "artifactregistry"

        def trial(what: str, token: Callable[[], str], by: str, because: str) -> Attempt:
            return Attempt(namespace, what, False, lambda: self._push(builder, token()), by, because)

        yield Attempt(namespace, "its builder pushes and reads back", True, lambda: self._push(builder, own()))
        yield trial(
            "same ServiceAccount of a neighbour namespace", neighbour, by, f"ns/{NEIGHBOUR}/sa/{name} does not have"
        )
        yield trial(
            "another ServiceAccount of the namespace",
            partial(self._source.token, namespace, "default", self._pool),
            by,
            f"ns/{namespace}/sa/default does not have",
        )
        yield trial(
            "a token for another audience",
            partial(self._source.token, namespace, name, "another-audience"),
            "sts",
            "audience",
        )
        yield trial("a token of another issuer", lambda: self._forger.other_issuer(own()), "sts", "another-cluster")
        yield trial(
            "the same claims signed by another cluster", lambda: self._forger.other_cluster(own()), "sts", "key"
        )
        yield trial("an expired token", lambda: self._forger.expired(own()), "sts", "expired")
        yield trial(
            "a neighbour's token with the subject changed",
            lambda: self._forger.tampered(neighbour(), f"system:serviceaccount:{namespace}:{name}"),
            "sts",
            "signature",
        )

    def _places(self, builder: Builder) -> Iterator[Attempt]:
        host = self._target.host
        parts = builder.repository.split("/")
        gcr = host.endswith("gcr.io")
        region = ("asia.gcr.io" if host != "asia.gcr.io" else "us.gcr.io") if gcr else "us-east1-docker.pkg.dev"
        where = [
            ("the same repository in another region", region, builder.repository),
            ("the same repository in another project", host, "/".join([_OTHER_PROJECT, *parts[1:]])),
        ]
        if not gcr:
            # Under a gcr.io name all of a project is one repository: there is no other beside it.
            others = [
                item.repository for item in self._target.builders if self._resource(item) != self._resource(builder)
            ]
            other = others[0] if others else "/".join([parts[0], f"{parts[1]}-of-another", *parts[2:]])
            where.insert(0, ("another repository", host, other))
        for what, there, repository in where:
            run = partial(self._push_with_own_token, builder, there, repository)
            place = self._resource_of(there, repository)
            yield Attempt(builder.namespace, what, False, run, "artifactregistry", f"on {place}: ")

    def _permissions(self, builder: Builder) -> Iterator[Attempt]:
        """After removing each single permission the push must fail: none is surplus."""
        repository = self._resource(builder)
        subject = f"{builder.namespace}/{builder.service_account}"
        if builder.email:
            account = self._account(builder.email)
            member = f"serviceAccount:{self._pool}[{subject}]"
            run = partial(self._with_other_role, account, member, _USER, "", builder)
            yield Attempt(builder.namespace, f"without {_USER}", False, run, "iamcredentials", f"on {account}: ")
            writer = f"serviceAccount:{builder.email}"
        else:
            settings = self._target.settings
            pool = f"projects/{settings.project_number}/locations/global/workloadIdentityPools/{self._pool}"
            names = f"subject/ns/{builder.namespace}/sa/{builder.service_account}"
            writer = f"principal://{settings.principal_domain}/{pool}/{names}"
        run = partial(self._with_other_role, repository, writer, _WRITER, "", builder)
        yield Attempt(builder.namespace, f"without {_WRITER}", False, run, "artifactregistry", f"on {repository}: ")
        run = partial(self._with_other_role, repository, writer, _WRITER, _READER, builder)
        yield Attempt(builder.namespace, f"with {_READER} only", False, run, "artifactregistry", _READER)

    def _nodes(self, builder: Builder) -> Iterator[Attempt]:
        """The nodes' service account reads, and no more."""
        host, namespace = self._target.host, builder.namespace
        push = partial(self._node.push, host, builder.repository)
        yield Attempt(namespace, "the nodes read", True, partial(self._read_as_node, builder))
        yield Attempt(namespace, "the nodes push", False, push, "artifactregistry", _READER)

    def _read_as_node(self, builder: Builder) -> None:
        host = self._target.host
        self._node.pull(host, builder.repository, self._push_with_own_token(builder, host, builder.repository))

    def _with_other_role(self, resource: str, member: str, role: str, instead: str, builder: Builder) -> None:
        """Push while ``member`` has ``instead`` (or nothing) where it has ``role``."""
        policy = self._policy(resource)
        bindings = cast("list[dict[str, Any]]", policy.get("bindings") or [])
        if not any(item["role"] == role and member in item["members"] for item in bindings):
            raise RuntimeError(f"{role} on {resource} is not granted to {member}, so it cannot be removed")
        left = [
            {**item, "members": [one for one in item["members"] if item["role"] != role or one != member]}
            for item in bindings
        ]
        if instead:
            left.append({"role": instead, "members": [member]})
        self._set_policy(resource, left)
        try:
            self._push_with_own_token(builder, self._target.host, builder.repository)
        finally:
            self._set_policy(resource, bindings)

    def _resource(self, builder: Builder) -> str:
        return self._resource_of(self._target.host, builder.repository)

    def _resource_of(self, host: str, path: str) -> str:
        place = place_of(host, path, {**OTHER_HOSTS, **self._target.settings.registry_hosts})
        if place is None:
            raise RuntimeError(f"{path} names no repository")
        return place.repository

    def _push_with_own_token(self, builder: Builder, host: str, repository: str) -> str:
        token = self._source.token(builder.namespace, builder.service_account, self._pool)
        return self._push(builder, token, host, repository)

    def _push(self, builder: Builder, token: str, host: str = "", repository: str = "") -> str:
        """A federated token for the cluster's, where there is one the account's token for that, the push."""
        access = self._exchange(token)
        if builder.email:
            access = self._impersonate(builder.email, access)
        host = host or self._target.host
        return push_and_read_back(self._service, host, repository or builder.repository, self._login(host, access))

    def _exchange(self, token: str) -> str:
        fields = {
            "grant_type": GRANT,
            "audience": f"identitynamespace:{self._pool}:{self._target.settings.cluster}",
            "scope": _SCOPE,
            "requested_token_type": ACCESS_TOKEN,
            "subject_token_type": JWT,
            "subject_token": token,
        }
        with self._service.client("sts.googleapis.com") as client:
            answer = client.post("/v1/token", data=fields)
        return str(_granted(answer)["access_token"])

    def _impersonate(self, email: str, access: str) -> str:
        with self._service.client("iamcredentials.googleapis.com") as client:
            answer = client.post(
                f"/v1/projects/-/serviceAccounts/{email}:generateAccessToken",
                json={"scope": [_SCOPE]},
                headers={"authorization": f"Bearer {access}"},
            )
        return str(_granted(answer)["accessToken"])

    def _login(self, host: str, access: str) -> Mapping[str, str]:
        """The registry's token for an access token, as its realm gives it."""
        with self._service.client(host) as client:
            answer = client.get(REALM, params={"service": host}, auth=("oauth2accesstoken", access))
        return {"authorization": f"Bearer {_granted(answer)['token']}"}

    def _account(self, email: str) -> str:
        """The full name of a service account."""
        with self._service.client("iam.googleapis.com") as client:
            return str(_granted(client.get(f"/v1/projects/-/serviceAccounts/{email}", headers=_OPERATOR))["name"])

    def _policy(self, resource: str) -> dict[str, Any]:
        host, method = _api(resource)
        with self._service.client(host) as client:
            return _granted(client.request(method, f"/v1/{resource}:getIamPolicy", headers=_OPERATOR))

    def _set_policy(self, resource: str, bindings: Sequence[Mapping[str, Any]]) -> None:
        host, _ = _api(resource)
        with self._service.client(host) as client:
            body = {"policy": {"version": 3, "bindings": bindings}}
            _granted(client.post(f"/v1/{resource}:setIamPolicy", json=body, headers=_OPERATOR))


_OPERATOR = {"authorization": f"Bearer {OPERATOR_TOKEN}"}


def _api(resource: str) -> tuple[str, str]:
    """The host of the API that has a resource, and the HTTP method that reads a policy."""
    if "/repositories/" in resource:
        return "artifactregistry.googleapis.com", "GET"
    return "iam.googleapis.com", "POST"


def _granted(answer: Any) -> dict[str, Any]:
    if answer.status_code in (400, 401, 403, 404):
        raise RefusedError(f"{answer.status_code} {answer.text[:500]}")
    answer.raise_for_status()
    return cast("dict[str, Any]", answer.json())
