"""What to try at the emulated Azure: workload identity, a registry's tokens, its admin user.

The stock client's push is the stack's own Job; here the steps that krane's keychain takes for a pod are made with everything
that must not work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, cast

from rehearsal.access_matrix.matrix import Attempt, RefusedError
from rehearsal.access_matrix.nodes import Node, runtime_pull
from rehearsal.access_matrix.registry import Service, push_and_read_back
from rehearsal.access_matrix.secrets import Objects, registry_login
from rehearsal.access_matrix.tokens import Forger
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.emulators.azure.permissions import ROLE_ASSIGNMENT

_OWN_PUSH = "its builder pushes and reads back"
NEIGHBOUR = "mendix-rehearsal-neighbour"
_READER, _PULL = "b93aa761-3e63-49ed-ac28-beffa264f7ac", "7f951dda-4ed3-4680-a7ca-43fe172d538d"
_WRITER, _PUSH = "2a1e307c-b015-4ebd-883e-5b7698a07328", "8311e382-0749-4cb8-b61a-304f252e45ec"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_API = {"api-version": "2025-11-01"}


class Cluster(Objects, Protocol):
    """The cluster's API; that for tokens makes ServiceAccounts where they are missing."""

    def token(self, namespace: str, service_account: str, audience: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Builder:
    """Who pushes for a namespace, and where to: by the client id of its identity, or by user and password. ``missing`` is what it
    lacks to push at all."""

    namespace: str
    service_account: str
    repository: str
    client_id: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The stack: how it authenticates, its builders, hosts, the registry's resource id, whether that is in ABAC mode, and the
    object id of the nodes' identity, empty where they pull by a Secret."""

    method: str
    builders: Sequence[Builder]
    host: str
    other_host: str
    authority_host: str
    management_host: str
    tenant: str
    audience: str
    registry_id: str
    abac: bool
    node_principal: str = ""


class Prover:
    """Makes the attempts."""

    def __init__(self, target: Target, service: Service, cluster: Cluster, forger: Forger, node: Node) -> None:
        self._target, self._service, self._cluster, self._forger = target, service, cluster, forger
        self._node = node

    def attempts(self) -> Iterator[Attempt]:
        """Everything to try, namespace by namespace."""
        for builder in self._target.builders:
            if builder.missing:
                # Everyone would be refused, and that would prove nothing: the one cell that counts is not as expected.
                yield Attempt(builder.namespace, _OWN_PUSH, True, partial(_lacks, builder.missing))
                continue
            if self._target.method == "workload-identity":
                yield from self._identity(builder)
                yield from self._roles(builder)
            else:
                yield from self._passwords(builder)
            yield from self._places(builder)
            yield from self._nodes(builder)

    def _identity(self, builder: Builder) -> Iterator[Attempt]:
        namespace, name, audience = builder.namespace, builder.service_account, self._target.audience
        own = partial(self._cluster.token, namespace, name, audience)
        neighbour = partial(self._cluster.token, NEIGHBOUR, name, audience)

        def trial(what: str, token: Callable[[], str], because: str, tenant: str = "") -> Attempt:
            run = lambda: self._push(builder, self._target.host, builder.repository, token(), tenant)  # noqa: E731
            return Attempt(namespace, what, False, run, "entra", because)

        yield Attempt(namespace, _OWN_PUSH, True, partial(self._own_push, builder))
        yield trial("same ServiceAccount of a neighbour namespace", neighbour, f"{NEIGHBOUR}:{name}")
        yield trial(
            "another ServiceAccount of the namespace",
            partial(self._cluster.token, namespace, "default", audience),
            f"{namespace}:default",
        )
        other_audience = partial(self._cluster.token, namespace, name, "another-audience")
        yield trial("a token for another audience", other_audience, "audience 'another-audience'")
        yield trial("a token of another issuer", lambda: self._forger.other_issuer(own()), "another-cluster")
        yield trial("the same claims signed by another cluster", lambda: self._forger.other_cluster(own()), "key")
        yield trial("an expired token", lambda: self._forger.expired(own()), "valid time range")
        subject = f"system:serviceaccount:{namespace}:{name}"
        yield trial(
            "a neighbour's token with the subject changed",
            lambda: self._forger.tampered(neighbour(), subject),
            "signature",
        )
        yield trial("its token at another tenant", own, "Tenant", "99999999-9999-4999-8999-999999999999")

    def _passwords(self, builder: Builder) -> Iterator[Attempt]:
        namespace = builder.namespace
        yield Attempt(namespace, _OWN_PUSH, True, partial(self._own_push, builder))
        wrong = replace(builder, password=f"{builder.password}x")
        yield Attempt(namespace, "a wrong password", False, partial(self._own_push, wrong), "acr", "no such password")
        others = [item for item in self._target.builders if item.user != builder.user and not item.missing]
        if others:
            crossed = Builder(namespace, "", builder.repository, user=others[0].user, password=builder.password)
            run = partial(self._own_push, crossed)
            yield Attempt(namespace, "its password for another token", False, run, "acr", "no such password")
        if self._target.method == "token":
            for permission in ("content/read", "content/write"):
                run = partial(self._without_action, builder, permission)
                yield Attempt(namespace, f"without {permission}", False, run, "acr", permission)
            yield Attempt(
                namespace, "with its token disabled", False, partial(self._disabled, builder), "acr", "password"
            )

    def _places(self, builder: Builder) -> Iterator[Attempt]:
        target, namespace = self._target, builder.namespace
        narrowed = target.method == "token" or (target.method == "workload-identity" and target.abac)
        if narrowed:
            others = [item.repository for item in target.builders if item.repository != builder.repository]
            repositories = {
                "another repository": others[0] if others else f"{builder.repository}-of-another",
                "a repository whose name only begins like its own": f"{builder.repository}-archive",
            }
            for what, repository in repositories.items():
                run = partial(self._own_push, builder, repository=repository)
                yield Attempt(namespace, what, False, run, "acr", repository)
        run = partial(self._own_push, builder, host=target.other_host)
        yield Attempt(namespace, "the same repository in another registry", False, run, "acr",
                      "rehearsalneighbour")  # fmt: skip

    def _roles(self, builder: Builder) -> Iterator[Attempt]:
        """Without its role, and with roles that are too little or of the other mode, the push must fail."""
        namespace, target = builder.namespace, self._target
        reader, other = (_READER, _PUSH) if target.abac else (_PULL, _WRITER)
        for what, role, because in (
            ("without its role", "", "role assignment"),
            ("with the reader's role only", reader, "does not hold it"),
            (
                f"with {'AcrPush' if target.abac else 'Repository Writer'}, a role of the other mode",
                other,
                "other mode",
            ),
        ):
            yield Attempt(namespace, what, False, partial(self._with_other_role, builder, role), "acr", because)
        yield Attempt(namespace, "without its federated credential", False,
                      partial(self._without_credentials, builder), "entra", "70021")  # fmt: skip

    def _nodes(self, builder: Builder) -> Iterator[Attempt]:
        """The nodes' identity reads, and no more. Where they have none, they read with a Secret: what builds push with."""
        host, namespace = self._target.host, builder.namespace
        yield Attempt(namespace, "the nodes read", True, partial(self._read_as_node, builder))
        if self._target.node_principal:
            push = partial(self._node.push, host, builder.repository)
            yield Attempt(namespace, "the nodes push", False, push, "acr", "does not hold it")

    def _read_as_node(self, builder: Builder) -> None:
        host, repository = self._target.host, builder.repository
        digest = self._own_push(builder)
        if self._target.node_principal:
            self._node.pull(host, repository, digest)
        else:
            credentials = registry_login(self._cluster, builder.namespace, host, of_nodes=True)
            runtime_pull(self._service, host, repository, digest, credentials)

    # Ways to push.

    def _own_push(self, builder: Builder, *, host: str = "", repository: str = "") -> str:
        token = ""
        if builder.client_id:
            token = self._cluster.token(builder.namespace, builder.service_account, self._target.audience)
        return self._push(builder, host or self._target.host, repository or builder.repository, token, "")

    def _push(self, builder: Builder, host: str, repository: str, token: str, tenant: str) -> str:
        if builder.client_id:
            refresh = self._exchange(host, self._sign_in(builder.client_id, token, tenant or self._target.tenant))
            login = {"grant_type": "refresh_token", "refresh_token": refresh}
        else:
            login = {"grant_type": "password", "username": builder.user, "password": builder.password}
        return push_and_read_back(self._service, host, repository, self._login(host, repository, login))

    def _sign_in(self, client_id: str, token: str, tenant: str) -> str:
        """Entra's access token for the cluster's token."""
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_assertion_type": _ASSERTION,
            "client_assertion": token,
            "scope": f"https://{self._target.management_host}/.default",
        }
        with self._service.client(self._target.authority_host) as client:
            return str(_granted(client.post(f"/{tenant}/oauth2/v2.0/token", data=form))["access_token"])

    def _exchange(self, host: str, access_token: str) -> str:
        form = {
            "grant_type": "access_token",
            "service": host,
            "tenant": self._target.tenant,
            "access_token": access_token,
        }
        with self._service.client(host) as client:
            return str(_granted(client.post("/oauth2/exchange", data=form))["refresh_token"])

    def _login(self, host: str, repository: str, login: Mapping[str, str]) -> dict[str, str]:
        form = {**login, "service": host, "scope": f"repository:{repository}:pull,push"}
        with self._service.client(host) as client:
            token = _granted(client.post("/oauth2/token", data=form))["access_token"]
        return {"authorization": f"Bearer {token}"}

    # What is removed and put back.

    def _with_other_role(self, builder: Builder, role: str) -> None:
        """Push while the identity has ``role`` (or none) at the registry instead of the role it has."""
        principal = self._principal(builder)
        mine = [
            item
            for item in self._listed(self._target.registry_id, ROLE_ASSIGNMENT)
            if item["properties"]["principalId"] == principal
        ]
        with self._away(mine):
            other = f"{self._target.registry_id}/providers/{ROLE_ASSIGNMENT}/0f0f0f0f-0000-4000-8000-000000000001"
            if role:
                subscription = "/".join(self._target.registry_id.split("/")[:3])
                definition = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
                properties = {
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                    "roleDefinitionId": definition,
                }
                self._arm("PUT", other, {"properties": properties})
            try:
                self._own_push(builder)
            finally:
                self._arm("DELETE", other)

    def _without_credentials(self, builder: Builder) -> None:
        identity = self._identity_of(builder)
        with self._away(self._listed(identity["id"], "")):
            self._own_push(builder)

    def _without_action(self, builder: Builder, permission: str) -> None:
        path = f"{self._target.registry_id}/scopeMaps/{builder.user}"
        scope_map = self._arm("GET", path)
        properties = scope_map["properties"]
        left = [action for action in properties["actions"] if not action.endswith(f"/{permission}")]
        self._arm("PUT", path, {"properties": {**properties, "actions": left}})
        try:
            self._own_push(builder)
        finally:
            self._arm("PUT", path, {"properties": properties})

    def _disabled(self, builder: Builder) -> None:
        path = f"{self._target.registry_id}/tokens/{builder.user}"
        properties = self._arm("GET", path)["properties"]
        self._arm("PUT", path, {"properties": {**properties, "status": "disabled"}})
        try:
            self._own_push(builder)
        finally:
            self._arm("PUT", path, {"properties": properties})

    @contextmanager
    def _away(self, documents: Sequence[Mapping[str, Any]]) -> Generator[None]:
        """While the block runs these resources are deleted."""
        if not documents:
            raise RuntimeError("there is nothing to remove")
        for item in documents:
            self._arm("DELETE", item["id"])
        try:
            yield
        finally:
            for item in documents:
                self._arm("PUT", item["id"], {"properties": item["properties"]})

    def _principal(self, builder: Builder) -> str:
        return str(self._identity_of(builder)["properties"]["principalId"])

    def _identity_of(self, builder: Builder) -> Mapping[str, Any]:
        found = self._listed("/", "Microsoft.ManagedIdentity/userAssignedIdentities")
        return next(item for item in found if item["properties"]["clientId"] == builder.client_id)

    def _listed(self, below: str, kind: str) -> list[Mapping[str, Any]]:
        answer = self._arm("POST", "/rehearsal/list", {"below": below, "type": kind})
        return cast("list[Mapping[str, Any]]", answer["value"])

    def _arm(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._service.client(self._target.management_host) as client:
            answer = client.request(method, path, json=body, headers=_OPERATOR, params=_API)
        answer.raise_for_status()
        return cast("dict[str, Any]", answer.json()) if answer.content else {}


def _lacks(missing: str) -> None:
    raise RuntimeError(missing)


def admin_login(service: Service, management_host: str, registry_id: str) -> tuple[str, str]:
    """Name and first password of a registry's admin user."""
    with service.client(management_host) as client:
        given = _granted(client.post(f"{registry_id}/listCredentials", headers=_OPERATOR, params=_API))
    return str(given["username"]), str(given["passwords"][0]["value"])


_OPERATOR = {"authorization": f"Bearer {OPERATOR_TOKEN}"}


def _granted(answer: Any) -> dict[str, Any]:
    if answer.status_code in (400, 401, 403, 404):
        raise RefusedError(f"{answer.status_code} {answer.text[:500]}")
    answer.raise_for_status()
    return cast("dict[str, Any]", answer.json())
