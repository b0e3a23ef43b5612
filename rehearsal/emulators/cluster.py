"""The one cluster that the clouds trust: its keys and its ServiceAccounts, read with a certificate of the rehearsal's own."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import httpx

from rehearsal.emulators.admission import Object
from rehearsal.emulators.pods import Pod
from rehearsal.emulators.settings import Settings


class ClusterApi:
    """The API server as a user who may read ServiceAccounts and pods, make tokens of ServiceAccounts and review tokens, nothing
    else."""

    def __init__(self, settings: Settings) -> None:
        # As clouds do: the keys are open to all, and are fetched without credentials.
        anonymous = ssl.create_default_context(cafile=settings.api_server_authority)
        self._keys = httpx.Client(base_url=settings.api_server, verify=anonymous, timeout=5, trust_env=False)
        context = ssl.create_default_context(cafile=settings.api_server_authority)
        context.load_cert_chain(settings.client_certificate, settings.client_key)
        self._objects = httpx.AsyncClient(base_url=settings.api_server, verify=context, timeout=5, trust_env=False)

    def keys(self) -> Mapping[str, Any]:
        """The JSON Web Key Set of ServiceAccount tokens. Raises OSError."""
        try:
            answer = self._keys.get("/openid/v1/jwks")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise OSError(str(error)) from error
        return cast("Mapping[str, Any]", answer.json())

    async def service_account(self, namespace: str, name: str) -> Object | None:
        """None where there is none. Raises httpx.HTTPError."""
        answer = await self._objects.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        answer.raise_for_status()
        return cast("Object", answer.json())

    async def pod_at(self, address: str) -> Pod | None:
        """The running pod with an address. None where there is none. Raises httpx.HTTPError."""
        # An address is given again to the next pod: one that has ended keeps it in its status.
        selector = f"status.podIP={address},status.phase!=Succeeded,status.phase!=Failed"
        answer = await self._objects.get("/api/v1/pods", params={"fieldSelector": selector})
        answer.raise_for_status()
        for item in cast("list[Object]", answer.json().get("items") or []):
            metadata, spec = item["metadata"], item["spec"]
            if not metadata.get("deletionTimestamp"):
                account = spec.get("serviceAccountName") or "default"
                host_network = bool(spec.get("hostNetwork"))
                return Pod(metadata["namespace"], metadata["name"], metadata["uid"], account, host_network)
        return None

    async def service_account_token(self, pod: Pod, audience: str) -> str:
        """A token of the pod's ServiceAccount for ``audience``, bound to the pod. Raises httpx.HTTPError."""
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.name, "uid": pod.uid}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": 3600, "boundObjectRef": bound},
        }
        path = f"/api/v1/namespaces/{pod.namespace}/serviceaccounts/{pod.service_account}/token"
        answer = await self._objects.post(path, json=request)
        answer.raise_for_status()
        return str(answer.json()["status"]["token"])
