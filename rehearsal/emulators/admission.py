"""The clouds' mutating admission webhooks: what they add to a pod, as small functions over a pod and its ServiceAccount.

Source of the protocol: kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

Object: TypeAlias = dict[str, Any]
FindServiceAccount: TypeAlias = Callable[[str, str], Awaitable[Object | None]]


@dataclass(frozen=True, slots=True)
class Projection:
    """A projected ServiceAccount token that a webhook mounts: volume name, directory, file, audience, life in seconds."""

    volume: str
    directory: str
    file: str
    audience: str
    seconds: int = 86400

    @property
    def path(self) -> str:
        return f"{self.directory}/{self.file}"


@dataclass(frozen=True, slots=True)
class Injection:
    """What a webhook adds to every container of a pod: environment variables that are not there yet, tokens, and the user (also as
    the group of the volumes' files) where the pod sets none."""

    environment: Mapping[str, str]
    tokens: Sequence[Projection] = field(default_factory=tuple[Projection, ...])
    run_as_user: int | None = None


class PodRefusedError(Exception):
    """A mutator does not let a pod in; the text is the platform's own."""


Mutator: TypeAlias = Callable[[Object, Object], Injection | None]
"""From a pod and its ServiceAccount to what is injected; None for a pod that is none of the cloud's. Must not block. Raises
PodRefusedError for a pod that is not let in."""


class AdmissionWebhook:
    """An ASGI application that answers AdmissionReview requests by the clouds' mutators."""

    def __init__(self, mutators: Sequence[Mutator], find: FindServiceAccount) -> None:
        self._mutators = mutators
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, http: Request) -> Response:
        review = cast("Object", await http.json())
        asked: Object = review["request"]
        pod: Object = asked["object"]
        namespace = asked.get("namespace") or pod.get("metadata", {}).get("namespace", "default")
        name = pod.get("spec", {}).get("serviceAccountName") or "default"
        account = await self._find(namespace, name) or {"metadata": {"namespace": namespace, "name": name}}
        answer: Object = {"uid": asked["uid"], "allowed": True}
        try:
            changed = mutated(pod, account, self._mutators)
        except PodRefusedError as error:
            changed = pod
            answer |= {"allowed": False, "status": {"message": str(error), "code": 403}}
        if changed != pod:
            patch = [{"op": "replace", "path": "/spec", "value": changed["spec"]}]
            answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        return JSONResponse({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer})


def mutated(pod: Object, account: Object, mutators: Sequence[Mutator]) -> Object:
    """The pod with every cloud's injection; what a container sets itself wins."""
    changed = copy.deepcopy(pod)
    for mutator in mutators:
        injection = mutator(pod, account)
        if injection is not None:
            _inject(changed["spec"], injection)
    return changed


def _inject(spec: Object, injection: Injection) -> None:
    if injection.run_as_user is not None:
        _assign_user(spec, injection.run_as_user)
    if not injection.environment and not injection.tokens:
        return
    for token in injection.tokens:
        volumes: list[Object] = spec.setdefault("volumes", [])
        if token.volume not in [volume["name"] for volume in volumes]:
            source = {"audience": token.audience, "expirationSeconds": token.seconds, "path": token.file}
            volumes.append({"name": token.volume, "projected": {"sources": [{"serviceAccountToken": source}]}})
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        environment: list[Object] = container.setdefault("env", [])
        present = {item["name"] for item in environment}
        environment += [{"name": k, "value": v} for k, v in injection.environment.items() if k not in present]
        mounts: list[Object] = container.setdefault("volumeMounts", [])
        mounted = {mount["name"] for mount in mounts}
        mounts += [
            {"name": token.volume, "mountPath": token.directory, "readOnly": True}
            for token in injection.tokens
            if token.volume not in mounted
        ]


def _assign_user(spec: Object, user: int) -> None:
    """The user for every container that has none, by itself or by its pod; and its volumes' files readable for it."""
    security: Object = spec.setdefault("securityContext", {})
    if security.get("runAsUser") is not None:
        return
    security.setdefault("fsGroup", user)
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        container.setdefault("securityContext", {}).setdefault("runAsUser", user)
