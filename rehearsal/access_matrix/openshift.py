"""What to try at OpenShift's registry: tokens of the cluster and forged ones, and RoleBindings removed.

The stock client's push is the stack's own Job; here the same requests are made with everything that must not work. The API server
authorizes everything: TokenReview by its authenticators, SubjectAccessReview by its RBAC.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, cast

from rehearsal.access_matrix.matrix import Attempt, RefusedError
from rehearsal.access_matrix.registry import Service, push_and_read_back
from rehearsal.access_matrix.tokens import Forger
from rehearsal.sandbox.openshift import NEIGHBOUR

_TOKEN_REVIEW, _ACCESS_REVIEW = "tokenreview", "subjectaccessreview"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_OWN, _OPENSHIFTS = "mendix-registry-image-builder", "system:image-builders"
_PULLERS = "system:image-pullers"
_SEEN_SECONDS = 10.0


class Objects(Protocol):
    """A connection to the API server as its administrator."""

    def get(self, path: str) -> dict[str, Any] | None: ...

    def apply(self, path: str, document: dict[str, Any], manager: str = ...) -> dict[str, Any]: ...

    def create(self, path: str, document: dict[str, Any]) -> dict[str, Any]: ...


class Cluster(Protocol):
    """The cluster in which the stack is. ``token`` makes namespace and ServiceAccount where they are missing."""

    issuer: str

    def token(self, namespace: str, service_account: str, audience: str) -> str: ...

    def connect(self) -> contextlib.AbstractContextManager[Objects]: ...


@dataclass(frozen=True, slots=True)
class Builder:
    """Who pushes for a namespace, and where to."""

    namespace: str
    service_account: str
    repository: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


class OpenShiftProver:
    """Makes the attempts. ``service`` trusts the service CA; ``host`` is the registry's with its port; ``pull_host`` the one under
    which nodes pull."""

    def __init__(
        self, builders: Sequence[Builder], service: Service, hosts: tuple[str, str], cluster: Cluster, forger: Forger
    ) -> None:
        self._builders, self._service, self._cluster, self._forger = builders, service, cluster, forger
        self._host, self._pull_host = hosts

    def attempts(self) -> Iterator[Attempt]:
        """Everything to try, namespace by namespace."""
        for builder in self._builders:
            yield from self._identity(builder)
            yield from self._places(builder)
            yield from self._bindings(builder)
            yield from self._pull(builder)

    def _identity(self, builder: Builder) -> Iterator[Attempt]:
        namespace, name = builder.namespace, builder.service_account
        own = partial(self._token, namespace, name)
        neighbour = partial(self._token, NEIGHBOUR, name)

        def trial(what: str, token: Callable[[], str], by: str, because: str) -> Attempt:
            return Attempt(namespace, what, False, lambda: self._push(builder, token()), by, because)

        yield Attempt(namespace, "its builder pushes and reads back", True, lambda: self._push(builder, own()))
        yield trial("the builder of a neighbour namespace", neighbour, _ACCESS_REVIEW, f"{NEIGHBOUR}:{name} may not")
        yield trial(
            "another ServiceAccount of the namespace",
            partial(self._token, namespace, "default"),
            _ACCESS_REVIEW,
            f"{namespace}:default may not update",
        )
        yield trial(
            "an anonymous client, without a token", lambda: "anonymous", _ACCESS_REVIEW, "system:anonymous may not"
        )
        elsewhere = partial(self._cluster.token, namespace, name, "another-audience")
        yield trial("a token for another audience", elsewhere, _TOKEN_REVIEW, "audience")
        yield trial(
            "a token of another issuer", lambda: self._forger.other_issuer(own()), _TOKEN_REVIEW, "another-cluster"
        )
        yield trial(
            "the same claims signed by another cluster",
            lambda: self._forger.other_cluster(own()),
            _TOKEN_REVIEW,
            "signature",
        )
        yield trial("an expired token", lambda: self._forger.expired(own()), _TOKEN_REVIEW, "expired")
        yield trial(
            "a neighbour's token with the subject changed",
            lambda: self._forger.tampered(neighbour(), builder.user),
            _TOKEN_REVIEW,
            "cryptographic",
        )

    def _places(self, builder: Builder) -> Iterator[Attempt]:
        others = [other.repository for other in self._builders if other.namespace != builder.namespace]
        other = others[0] if others else f"{NEIGHBOUR}/{builder.repository.partition('/')[2]}"
        where = other.partition("/")[0]
        push = partial(self._push_with_own_token, builder, other)
        yield Attempt(
            builder.namespace, "another project's ImageStream", False, push, _ACCESS_REVIEW, f"namespace {where}"
        )

    def _bindings(self, builder: Builder) -> Iterator[Attempt]:
        """The stack's RoleBinding and OpenShift's own grant the same: either is enough, and one of them must be there."""
        namespace = builder.namespace
        with self._cluster.connect() as api:
            present = [name for name in (_OWN, _OPENSHIFTS) if api.get(_binding(namespace, name))]
        for kept, what in (
            (_OWN, "with the stack's RoleBinding only"),
            (_OPENSHIFTS, "with OpenShift's RoleBinding only"),
        ):
            if kept in present:
                run = partial(self._without, [name for name in present if name != kept], builder, still=True)
                yield Attempt(namespace, what, True, run)
        yield Attempt(
            namespace,
            "without a RoleBinding to system:image-builder",
            False,
            partial(self._without, present, builder, still=False),
            _ACCESS_REVIEW,
            f"{builder.user} may not update",
        )

    def _pull(self, builder: Builder) -> Iterator[Attempt]:
        """Nodes pull with the pull secret of a pod's ServiceAccount."""
        namespace = builder.namespace
        pull = partial(self._pull_as_default, namespace, builder)
        yield Attempt(namespace, "the pull secret of ServiceAccount default pulls", True, pull)
        yield Attempt(
            namespace,
            "a neighbour namespace's pull secret",
            False,
            partial(self._pull_as_default, NEIGHBOUR, builder),
            _ACCESS_REVIEW,
            f"{NEIGHBOUR}:default may not get",
        )
        yield Attempt(
            namespace,
            "a pull without RoleBinding system:image-pullers",
            False,
            partial(
                self._taken_away,
                [_PULLERS],
                builder,
                f"system:serviceaccount:{namespace}:default",
                "get",
                pull,
                still=False,
            ),
            _ACCESS_REVIEW,
            f"{namespace}:default may not get",
        )

    def _without(self, names: Sequence[str], builder: Builder, *, still: bool) -> None:
        push = partial(self._push_with_own_token, builder, builder.repository)
        self._taken_away(names, builder, builder.user, "update", push, still=still)

    def _taken_away(
        self, names: Sequence[str], builder: Builder, user: str, verb: str, run: Callable[[], None], *, still: bool
    ) -> None:
        """Run while some RoleBindings of a namespace bind no one, and put them back. ``still``: may the user all the same?"""
        namespace = builder.namespace
        with self._cluster.connect() as api:
            kept = {name: found for name in names if (found := api.get(_binding(namespace, name)))}
            try:
                for name, document in kept.items():
                    api.apply(_binding(namespace, name), _of(document, []))
                _await(api, builder, user, verb, allowed=still)
                run()
            finally:
                for name, document in kept.items():
                    # As who owned them: the stack must find its object as it has left it.
                    owner = _owner(document)
                    restored = _of(document, document["subjects"])
                    if owner:
                        api.apply(_binding(namespace, name), restored, owner)
                    else:
                        api.apply(_binding(namespace, name), restored)
                _await(api, builder, user, verb, allowed=True)

    def _token(self, namespace: str, service_account: str) -> str:
        return self._cluster.token(namespace, service_account, self._cluster.issuer)

    def _push_with_own_token(self, builder: Builder, repository: str) -> None:
        self._push(builder, self._token(builder.namespace, builder.service_account), repository)

    def _push(self, builder: Builder, token: str, repository: str = "") -> None:
        authorization = {"authorization": f"Bearer {self._exchanged(f'serviceaccount:{token}', token)}"}
        push_and_read_back(self._service, self._host, repository or builder.repository, authorization)

    def _exchanged(self, login: str, token: str) -> str:
        """The registry's token for a login, as clients ask for it; the anonymous one without a token."""
        basic = base64.b64encode(login.encode()).decode()
        headers = {} if token == "anonymous" else {"authorization": f"Basic {basic}"}  # noqa: S105 - no one's token
        with self._service.client(self._host) as client:
            answer = client.get("/openshift/token", headers=headers)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise RefusedError(answer.text)
        answer.raise_for_status()
        return str(answer.json()["token"])

    def _pull_as_default(self, namespace: str, builder: Builder) -> None:
        """Read an image of the builder's with the pull secret that OpenShift made for ServiceAccount ``default``."""
        with self._cluster.connect() as api:
            entry = _pull_secret(api, namespace)[self._pull_host]
        authorization = {"authorization": f"Basic {entry['auth']}"}
        with self._service.client(self._host) as client:
            answer = client.get(f"/v2/{builder.repository}/tags/list", headers=authorization)
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise RefusedError(f"{answer.status_code} {answer.text[:500]}")
        answer.raise_for_status()


def _pull_secret(api: Objects, namespace: str) -> Mapping[str, Mapping[str, str]]:
    """The logins by host of the pull secret of ServiceAccount ``default``."""
    home = f"/api/v1/namespaces/{namespace}"
    account = api.get(f"{home}/serviceaccounts/default") or {}
    for item in cast("list[dict[str, str]]", account.get("imagePullSecrets") or []):
        if item["name"].startswith("default-dockercfg-"):
            secret = api.get(f"{home}/secrets/{item['name']}") or {}
            return json.loads(base64.b64decode(secret["data"][".dockercfg"]))
    raise RuntimeError(f"ServiceAccount default of {namespace} has no pull secret of OpenShift's")


def _await(api: Objects, builder: Builder, user: str, verb: str, *, allowed: bool) -> None:
    """Wait until RBAC, which learns of a change some moments later, shows it; if it never does, the attempt will show it."""
    namespace, _, name = builder.repository.partition("/")
    attributes = {"namespace": namespace, "verb": verb, "group": "image.openshift.io", "resource": "imagestreams",
                  "subresource": "layers", "name": name}  # fmt: skip
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }
    began = time.monotonic()
    while time.monotonic() - began < _SEEN_SECONDS:
        status = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]
        if bool(status["allowed"]) == allowed:
            return
        time.sleep(0.05)


def _binding(namespace: str, name: str) -> str:
    return f"{_RBAC}/namespaces/{namespace}/rolebindings/{name}"


def _of(document: Mapping[str, Any], subjects: Sequence[Any]) -> dict[str, Any]:
    """A RoleBinding with other subjects, without what the API server writes itself."""
    metadata = {key: value for key, value in document["metadata"].items() if key in ("name", "namespace", "labels")}
    kept = {key: document[key] for key in ("apiVersion", "kind", "roleRef")}
    return {**kept, "metadata": metadata, "subjects": list(subjects)}


def _owner(document: Mapping[str, Any]) -> str:
    """The field manager that has applied the subjects; empty where there is none."""
    managers = cast("list[dict[str, Any]]", document["metadata"].get("managedFields") or [])
    applied = [entry for entry in managers if entry["operation"] == "Apply" and "f:subjects" in entry["fieldsV1"]]
    return str(applied[0]["manager"]) if applied else ""
