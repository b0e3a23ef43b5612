"""What OpenShift's controllers do in a cluster, as far as builds and pulls need it.

* In each project: ServiceAccount ``builder`` (capability *Build*), and the default RoleBindings ``system:image-pullers`` and
  ``system:image-builders`` (openshift-controller-manager's default role bindings controllers). They are made when a project is
  seen; one that someone deletes later is not made again before the process starts again.
* For each ServiceAccount of a project: a pull secret ``NAME-dockercfg-…`` with a token of that account, named in its
  ``imagePullSecrets``.
* In ConfigMaps annotated ``service.beta.openshift.io/inject-cabundle``: the service CA (service-ca-operator).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import httpx

from rehearsal.emulators.admission import Object
from rehearsal.emulators.openshift.api import PlatformApi
from rehearsal.emulators.openshift.security_context import project_annotations

INJECT = "service.beta.openshift.io/inject-cabundle"
SERVICE_CA_KEY = "service-ca.crt"
BUILDER = "builder"
IMAGE_BUILDER, IMAGE_PULLER = "system:image-builder", "system:image-puller"
_EXPIRES = "rehearsal.mendix-registry/expires"
_HOSTS = "rehearsal.mendix-registry/hosts"
_TOKEN_SECONDS = 24 * 3600
_RENEW_BEFORE = 12 * 3600
_RBAC = "rbac.authorization.k8s.io"
_AGAIN_SECONDS = 1.0
_LOG = logging.getLogger("uvicorn.error")


class Controllers:
    """``hosts`` are the registry's host names, with port, for which pull secrets are made; ``build`` is whether the cluster has
    the capability *Build*; ``cares`` selects the namespaces that are looked after."""

    def __init__(
        self,
        api: PlatformApi,
        hosts: Sequence[str],
        service_ca: str,
        cares: Callable[[str], bool],
        *,
        build: bool = True,
    ) -> None:
        self._api, self._hosts, self._service_ca, self._build = api, tuple(hosts), service_ca, build
        self._cares = cares
        self._projects: set[str] = set()
        self._expires: dict[str, float] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.gather(
            self._follow("/api/v1/namespaces", self.project),
            self._follow("/api/v1/serviceaccounts", self.service_account),
            self._follow("/api/v1/configmaps", self.config_map),
        )

    async def _follow(self, path: str, handle: Callable[[Object], Awaitable[None]]) -> None:
        while True:
            try:
                async for found in self._api.objects(path):
                    await self._handled(path, found, handle)
            except httpx.HTTPError as error:
                # The API server starts, or our rights are being made: list and watch again.
                _LOG.info("openshift: %s: %s %s", path, type(error).__name__, error)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _handled(self, path: str, found: Object, handle: Callable[[Object], Awaitable[None]]) -> None:
        try:
            await handle(found)
        except httpx.HTTPStatusError as error:
            # A namespace that is going away refuses new objects; others follow.
            _LOG.info("openshift: %s %s: %s", path, found["metadata"].get("name"), error.response.text[:300])

    async def project(self, namespace: Object) -> None:
        """Make of a namespace what OpenShift makes of a project."""
        metadata = namespace["metadata"]
        name, uid = metadata["name"], metadata["uid"]
        if not self._cares(name) or uid in self._projects or metadata.get("deletionTimestamp"):
            return
        if self._build:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": BUILDER, "namespace": name}}
            await self._api.create_if_missing(f"/api/v1/namespaces/{name}/serviceaccounts", account)
        for binding in default_role_bindings(name, build=self._build):
            await self._api.create_if_missing(f"/apis/{_RBAC}/v1/namespaces/{name}/rolebindings", binding)
        await self._api.patch(f"/api/v1/namespaces/{name}", {"metadata": {"annotations": project_annotations(name)}})
        self._projects.add(uid)

    async def service_account(self, account: Object) -> None:
        """Give a ServiceAccount its pull secret, and that a fresh token."""
        metadata = account["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if not self._cares(namespace) or metadata.get("deletionTimestamp"):
            return
        secret = pull_secret_name(name, metadata["uid"])
        await self._pull_secret(namespace, name, secret)
        linked: list[Object] = account.get("imagePullSecrets") or []
        if secret not in [item["name"] for item in linked]:
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
            # The API keeps this list as one value: what others have put there goes along, and where someone has changed it
            # meanwhile, this is a conflict and the change arrives in a moment.
            metadata = {"resourceVersion": metadata["resourceVersion"]}
            await self._api.patch(path, {"metadata": metadata, "imagePullSecrets": [*linked, {"name": secret}]})

    async def config_map(self, config_map: Object) -> None:
        """Write the service CA into a ConfigMap that asks for it."""
        metadata = config_map["metadata"]
        annotations: Object = metadata.get("annotations") or {}
        if annotations.get(INJECT) != "true" or not self._cares(metadata["namespace"]):
            return
        if (config_map.get("data") or {}) != {SERVICE_CA_KEY: self._service_ca}:
            path = f"/api/v1/namespaces/{metadata['namespace']}/configmaps/{metadata['name']}"
            await self._api.patch(path, {"data": {SERVICE_CA_KEY: self._service_ca}})

    async def _pull_secret(self, namespace: str, account: str, name: str) -> None:
        if self._expires.get(f"{namespace}/{name}", 0) - time.time() > _RENEW_BEFORE:
            return
        path = f"/api/v1/namespaces/{namespace}/secrets"
        present = await self._api.get(f"{path}/{name}")
        annotations: Object = (present or {}).get("metadata", {}).get("annotations") or {}
        expires = float(annotations.get(_EXPIRES, 0))
        if expires - time.time() <= _RENEW_BEFORE or annotations.get(_HOSTS) != ",".join(self._hosts):
            token, expires = await self._token(namespace, account), time.time() + _TOKEN_SECONDS
            document = self._secret(namespace, account, name, token, expires)
            if present is None:
                await self._api.create_if_missing(path, document)
            else:
                kept = {"metadata": {"annotations": document["metadata"]["annotations"]}, "data": document["data"]}
                await self._api.patch(f"{path}/{name}", kept)
        self._expires[f"{namespace}/{name}"] = expires

    async def _token(self, namespace: str, account: str) -> str:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        answer = await self._api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", request)
        return str(answer["status"]["token"])

    def _secret(self, namespace: str, account: str, name: str, token: str, expires: float) -> Object:
        login = base64.b64encode(f"serviceaccount:{token}".encode()).decode()
        entry = {"username": "serviceaccount", "password": token, "auth": login}
        content = json.dumps(dict.fromkeys(self._hosts, entry)).encode()
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockercfg",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "annotations": {
                    "openshift.io/internal-registry-auth-token.service-account": account,
                    _EXPIRES: str(int(expires)),
                    _HOSTS: ",".join(self._hosts),
                },
            },
            "data": {".dockercfg": base64.b64encode(content).decode()},
        }


def pull_secret_name(account: str, uid: str) -> str:
    """The name of a ServiceAccount's pull secret, which another account of the same name does not get."""
    return f"{account[:200]}-dockercfg-{hashlib.sha256(uid.encode()).hexdigest()[:5]}"


def default_role_bindings(namespace: str, *, build: bool) -> list[Object]:
    """OpenShift's own RoleBindings of a project, as far as they concern images."""

    def binding(name: str, role: str, subject: Object) -> Object:
        return {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [subject],
        }

    everybody = {"apiGroup": _RBAC, "kind": "Group", "name": f"system:serviceaccounts:{namespace}"}
    made = [binding("system:image-pullers", IMAGE_PULLER, everybody)]
    if build:
        builder = {"kind": "ServiceAccount", "name": BUILDER, "namespace": namespace}
        made.append(binding("system:image-builders", IMAGE_BUILDER, builder))
    return made
