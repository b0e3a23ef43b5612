"""An emulated Azure that is served, and Microsoft's own clients of it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import WorkloadIdentityCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient

from rehearsal.emulators.azure.cloud import AzureCloud, AzureSettings
from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens

ISSUER = "https://kubernetes.default.svc.cluster.local"
TENANT = "00000000-0000-0000-0000-000000000002"
KNOWN_AS = f"https://westeurope.oic.prod-aks.azure.com/{TENANT}/00000000-0000-0000-0000-000000000003/"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-mendix"
HOST = "examplemendixacr.azurecr.io"
AUDIENCE = "api://AzureADTokenExchange"
ACR_PUSH, WRITER = "8311e382-0749-4cb8-b61a-304f252e45ec", "2a1e307c-b015-4ebd-883e-5b7698a07328"


class Led(RequestsTransport):
    """Leads what a client sends to Entra's host to the emulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace("https://login.microsoftonline.com", self._url)
        kwargs.pop("proxies", None)
        return super().send(request, proxies={}, **kwargs)


class Operator(SansIOHTTPPolicy[Any, Any]):
    """Signs in as who deploys; the clients' own policy would refuse an emulator without TLS."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {OPERATOR_TOKEN}"


class Azure:
    """An emulator and its clients."""

    def __init__(self, cloud: AzureCloud, arm: str, entra: str, realm: str, cluster: Any, directory: Path) -> None:
        self.cloud, self.arm, self.entra, self.realm = cloud, arm, entra, realm
        self._cluster, self._directory, self._files = cluster, directory, itertools.count()
        self.decisions = cloud.acr._decisions
        made: dict[str, Any] = {"base_url": arm, "authentication_policy": Operator(), "retry_total": 0}
        credential = AccessToken(OPERATOR_TOKEN, 0)  # the policy signs in, not this
        self.identities = ManagedServiceIdentityClient(credential, SUBSCRIPTION, **made)
        self.registries = ContainerRegistryManagementClient(credential, SUBSCRIPTION, **made)
        self.authorization = AuthorizationManagementClient(credential, SUBSCRIPTION, **made)

    def put(self, path: str, body: Any, version: str = "2025-11-01") -> httpx.Response:
        headers = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
        return httpx.put(
            f"{self.arm}{path}", json=body, params={"api-version": version}, headers=headers, trust_env=False
        )

    def registry(
        self, name: str = "examplemendixacr", *, abac: bool = True, admin: bool = False, sku: str = "Standard"
    ) -> str:
        path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}"
        mode = "AbacRepositoryPermissions" if abac else "LegacyRegistryPermissions"
        properties = {"roleAssignmentMode": mode, "adminUserEnabled": admin}
        body = {"location": "westeurope", "sku": {"name": sku}, "properties": properties}
        assert self.put(path, body).status_code == 201
        return path

    def identity(self, name: str = "builder", *trusted: str) -> Any:
        """An identity that trusts these ServiceAccounts, given as ``namespace:name``."""
        made = self.identities.user_assigned_identities.create_or_update("rg-mendix", name, {"location": "westeurope"})
        for account in trusted:
            self.trust(name, f"system:serviceaccount:{account}", account.replace(":", "-"))
        return made

    def trust(self, identity: str, subject: str, name: str, **more: Any) -> Any:
        properties = {"issuer": KNOWN_AS, "subject": subject, "audiences": [AUDIENCE], **more}
        return self.identities.federated_identity_credentials.create_or_update(
            "rg-mendix", identity, name, {"properties": properties}
        )

    def assign(self, scope: str, principal: str, role: str, name: str = "", **more: Any) -> Any:
        definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        properties = {
            "principalId": principal,
            "roleDefinitionId": definition,
            "principalType": "ServicePrincipal",
            **more,
        }
        body = {"properties": properties}
        return self.authorization.role_assignments.create(scope, name or str(uuid.uuid4()), body)  # type: ignore[arg-type]

    def sign_in(self, client_id: str, token: str, tenant: str = TENANT) -> str:
        """azure-identity's credential, as a pod on AKS makes it from its environment."""
        file = self._directory / f"token-{next(self._files)}"
        file.write_text(token)
        credential = WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client_id, token_file_path=str(file), transport=Led(self.entra), retry_total=0
        )
        return credential.get_token("https://management.azure.com/.default").token

    def token(self, namespace: str, name: str, **more: Any) -> str:
        return self._cluster.token(namespace, name, **{"audience": AUDIENCE, **more})

    def ask(self, path: str, host: str = HOST, **form: str) -> httpx.Response:
        """A form sent to the token realm of a registry."""
        return httpx.post(f"{self.realm}{path}", data=form, headers={"host": host}, trust_env=False)

    def refresh_token(self, access_token: str, host: str = HOST) -> str:
        answer = self.ask("/oauth2/exchange", host, grant_type="access_token", service=host, access_token=access_token)
        assert answer.status_code == 200, answer.text
        return answer.json()["refresh_token"]


@pytest.fixture
def make_azure(cluster: Any, serve: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Azure]]:
    with ExitStack() as stack:

        def make(propagation: float = 0.0, **more: Any) -> Azure:
            settings = AzureSettings(
                TENANT, "login.microsoftonline.com", "management.azure.com", "azurecr.io", (HOST,), KNOWN_AS, **more
            )
            tokens = ClusterTokens(ISSUER, KNOWN_AS, cluster.keys)
            cloud = AzureCloud(settings, tokens, tmp_path, propagation=propagation, decisions=DecisionLog())
            entra = cloud.apis["login.microsoftonline.com"]
            urls = [stack.enter_context(serve(item)) for item in (cloud.api, entra, cloud.acr.realm)]
            made = Azure(cloud, urls[0], urls[1], urls[2], cluster, tmp_path)
            assert made.put(GROUP, {"location": "westeurope"}).status_code == 201
            return made

        yield make


@pytest.fixture
def azure(make_azure: Callable[..., Azure]) -> Azure:
    return make_azure()
