"""The emulated AWS put together from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from rehearsal.emulators.aws import pod_identity, webhooks
from rehearsal.emulators.aws.account import Account
from rehearsal.emulators.aws.api import AwsApi
from rehearsal.emulators.aws.client import regions_of
from rehearsal.emulators.aws.ecr import EcrAuthority, EcrTokens
from rehearsal.emulators.aws.limits import Quotas
from rehearsal.emulators.aws.nodes import Ec2Nodes
from rehearsal.emulators.aws.pod_identity import PodIdentityAgent
from rehearsal.emulators.aws.store import LOCK
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens

OTHER_ACCOUNT = "210987654321"
AGENT_HOST = "agent.eks.mendix-rehearsal.internal"
"""The Pod Identity agent under a name, for who is not in the node and cannot reach its link-local address."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What a stack needs of AWS: its account, where its registry is, its partition and that partition's DNS suffix, every host
    name of the registry, the cluster's issuer in the account, the trust policy quota, the name of the nodes' role."""

    account: str
    region: str
    partition: str
    suffix: str
    registry_hosts: tuple[str, ...]
    issuer: str = ""
    trust_policy_quota: int = 2048
    node_role: str = "rehearsal-node"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> AwsSettings:
        return cls(
            registry_hosts=tuple(document["registry_hosts"]),
            **{k: v for k, v in document.items() if k != "registry_hosts"},
        )

    @property
    def other_region(self) -> str:
        """A region of the partition that is not the registry's."""
        return next(name for name in regions_of(self.partition) if name != self.region)

    @property
    def other_region_host(self) -> str:
        return f"{self.account}.dkr.ecr.{self.other_region}.{self.suffix}"

    @property
    def other_account_host(self) -> str:
        return f"{OTHER_ACCOUNT}.dkr.ecr.{self.region}.{self.suffix}"

    @property
    def api_hosts(self) -> tuple[str, ...]:
        """Host names of the APIs as botocore and the AWS SDKs build them."""
        suffix = self.suffix
        regional = [f"{service}.{self.region}.{suffix}" for service in ("sts", "api.ecr", "ecr", "eks")]
        fips = [f"{service}.{self.region}.{suffix}" for service in ("sts-fips", "ecr-fips")]
        dual_stack = [f"ecr.{self.region}.api.aws", f"eks.{self.region}.api.aws", f"sts.{self.region}.api.aws"]
        return (*regional, *fips, *dual_stack, f"sts.{suffix}", f"iam.{suffix}", f"iam.{self.region}.{suffix}")


class AwsCloud:
    """Satisfies :class:`rehearsal.emulators.cloud.Cloud`."""

    def __init__(
        self, settings: AwsSettings, tokens: ClusterTokens, data: Path, *, propagation: float, decisions: DecisionLog
    ) -> None:
        self.account = Account(
            settings.account,
            settings.region,
            settings.partition,
            data,
            propagation=propagation,
            quotas=Quotas(trust_policy=settings.trust_policy_quota),
            decisions=decisions,
        )
        ecr_tokens = EcrTokens()
        authority = EcrAuthority(self.account, settings.region, ecr_tokens)
        self.api = AwsApi(self.account, tokens, ecr_tokens, settings.suffix)
        agent = PodIdentityAgent(self.account, tokens)
        self.apis = {**dict.fromkeys(settings.api_hosts, self.api), AGENT_HOST: agent}
        self.registries = {
            **dict.fromkeys(settings.registry_hosts, authority),
            # Registries that are not the stack's: what it must not reach is refused by a decision, not merely absent.
            settings.other_region_host: EcrAuthority(self.account, settings.other_region, ecr_tokens),
            settings.other_account_host: EcrAuthority(self.account, settings.region, ecr_tokens, OTHER_ACCOUNT),
        }
        self.realms: Mapping[str, ASGIApp] = {}
        self.local = {pod_identity.ADDRESS: agent}
        self.nodes = Ec2Nodes(self.account, settings.registry_hosts, ecr_tokens, settings.node_role)
        self.mutators = (
            webhooks.web_identity(settings.region),
            webhooks.pod_identity(settings.region, self._associated),
        )

    def _associated(self, namespace: str, name: str) -> bool:
        with LOCK:
            return self.account.associations.find(namespace, name) is not None
