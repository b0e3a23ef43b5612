"""The emulated Google Cloud put together from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.emulators.admission import Mutator
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.gcp import metadata
from rehearsal.emulators.gcp.access_tokens import AccessTokens
from rehearsal.emulators.gcp.account import Account
from rehearsal.emulators.gcp.api import HOSTS, GoogleApi
from rehearsal.emulators.gcp.metadata import MetadataServer, PodDirectory
from rehearsal.emulators.gcp.nodes import GkeNodes
from rehearsal.emulators.gcp.policies import Policies, Pool
from rehearsal.emulators.gcp.registry import REALM, GoogleRegistry, TokenRealm
from rehearsal.emulators.gcp.store import Store
from rehearsal.emulators.gcp.sts import TokenExchange
from rehearsal.emulators.tokens import ClusterTokens

_CLUSTER = "rehearsal"
OTHER_HOSTS = {"us-east1-docker.pkg.dev": "us-east1", "asia.gcr.io": "asia", "us.gcr.io": "us"}
"""Registries that are served beside the stack's own: what it must not reach is refused by a decision, not merely absent."""


@dataclass(frozen=True, slots=True)
class GcpSettings:
    """What a stack needs of Google: the cluster's workload identity pool, the number of the pool's project and the host in
    principals' names; the cluster's location; the nodes' service account; the location of every registry host."""

    workload_pool: str
    project_number: str
    node_service_account: str
    registry_hosts: Mapping[str, str]
    location: str = "europe-west4"
    principal_domain: str = "iam.googleapis.com"
    service_account_quota: int = 100

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> GcpSettings:
        return cls(**document)

    @property
    def cluster(self) -> str:
        """The cluster's URL at Google, which is also its issuer's."""
        project = self.workload_pool.removesuffix(".svc.id.goog")
        return f"https://container.googleapis.com/v1/projects/{project}/locations/{self.location}/clusters/{_CLUSTER}"


class GcpCloud:
    """Satisfies :class:`rehearsal.emulators.cloud.Cloud`."""

    def __init__(
        self,
        settings: GcpSettings,
        tokens: ClusterTokens,
        pods: PodDirectory,
        data: Path,
        *,
        propagation: float,
        decisions: DecisionLog,
    ) -> None:
        store = Store(data / "gcp.json", propagation)
        pool = Pool(settings.workload_pool, settings.project_number, settings.principal_domain)
        self.account = Account(
            store,
            Policies(store, [pool]),
            AccessTokens(),
            decisions,
            pool,
            settings.cluster,
            settings.service_account_quota,
        )
        exchange = TokenExchange(self.account, tokens)
        locations = {**OTHER_HOSTS, **settings.registry_hosts}
        registry = GoogleRegistry(self.account, locations)
        hosts = tuple(locations)
        node = settings.node_service_account
        server = MetadataServer(self.account, exchange, pods, node, _CLUSTER, settings.location)
        self.api = GoogleApi(self.account, exchange)
        self.apis = dict.fromkeys(HOSTS, self.api)
        self.registries = dict.fromkeys(hosts, registry)
        self.realms = {f"{host}{REALM}": TokenRealm(registry) for host in hosts}
        self.local = {metadata.ADDRESS: server}
        self.nodes = GkeNodes(self.account, hosts, node)
        self.mutators: tuple[Mutator, ...] = ()
