"""The emulated Azure put together from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from rehearsal.emulators.azure.acr import Acr, Realm
from rehearsal.emulators.azure.arm import ArmApi
from rehearsal.emulators.azure.entra import Entra
from rehearsal.emulators.azure.identities import Identities
from rehearsal.emulators.azure.nodes import KubeletIdentity
from rehearsal.emulators.azure.registries import Registries
from rehearsal.emulators.azure.store import Store
from rehearsal.emulators.azure.tokens import Signer
from rehearsal.emulators.azure.webhooks import AUDIENCE, workload_identity
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """What a stack needs of Azure: the tenant, host names of Entra, of Resource Manager and of its registries, the suffix of new
    registries, the cluster's issuer, its webhook's audience, object id of the nodes' identity (empty: they have none here), digests
    of token passwords by token name."""

    tenant: str
    authority_host: str
    management_host: str
    registry_suffix: str
    registry_hosts: tuple[str, ...]
    issuer: str = ""
    audience: str = AUDIENCE
    node_principal: str = ""
    token_passwords: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> AzureSettings:
        return cls(
            registry_hosts=tuple(document["registry_hosts"]),
            **{k: v for k, v in document.items() if k != "registry_hosts"},
        )


class AzureCloud:
    """Satisfies :class:`rehearsal.emulators.cloud.Cloud`."""

    def __init__(
        self, settings: AzureSettings, tokens: ClusterTokens, data: Path, *, propagation: float, decisions: DecisionLog
    ) -> None:
        self.store = Store(data / "azure")
        self.registry_provider = Registries(self.store, settings.registry_suffix, settings.token_passwords)
        identities = Identities(self.store, settings.tenant)
        signer = Signer(f"https://sts.windows.net/{settings.tenant}/")
        entra = Entra(
            self.store,
            identities,
            tokens,
            signer,
            decisions,
            tenant=settings.tenant,
            host=settings.authority_host,
            delay=propagation,
        )
        self.acr = Acr(self.store, self.registry_provider, signer, decisions, tenant=settings.tenant, delay=propagation)
        self.nodes = KubeletIdentity(self.acr, self.registry_provider, settings.node_principal)
        self.api: ASGIApp = ArmApi(self.store, self.registry_provider, identities, signer, decisions)
        self.apis: Mapping[str, ASGIApp] = {settings.authority_host: entra, settings.management_host: self.api}
        self.registries = dict.fromkeys(settings.registry_hosts, self.acr)
        self.realms: Mapping[str, ASGIApp] = {
            f"{host}{path}": self.acr.realm for host in settings.registry_hosts for path in Realm.PATHS
        }
        self.local: Mapping[str, ASGIApp] = {}
        authority = f"https://{settings.authority_host}/"
        self.mutators = (workload_identity(settings.tenant, authority, settings.audience),)
