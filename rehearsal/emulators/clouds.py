"""The clouds that the process's settings name: built once, and again only when their settings change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rehearsal.emulators.cloud import Cloud
from rehearsal.emulators.cluster import ClusterApi
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.faults import Faults
from rehearsal.emulators.settings import Settings
from rehearsal.emulators.tokens import ClusterTokens


class Surroundings:
    """What every cloud has around it: the cluster that it trusts, the record of its decisions, faults on purpose."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, clouds={})
        self.data = Path(settings.data)
        self.cluster = ClusterApi(settings)
        self.decisions = DecisionLog()
        self.faults = Faults(settings.node_token)

    def tokens(self, issuer: str) -> ClusterTokens:
        """The cluster's tokens, as a cloud sees them that knows the cluster as ``issuer``."""
        return ClusterTokens(self.settings.issuer, issuer, self.cluster.keys)


class Clouds:
    """``by_name`` are the clouds of ``settings``. One whose settings are those it had ``earlier`` is the same object: its sessions
    and tokens stay valid."""

    def __init__(self, settings: Settings, earlier: Clouds | None = None) -> None:
        if earlier is not None and earlier.around.settings != replace(settings, clouds={}):
            earlier = None
        self.around = earlier.around if earlier else Surroundings(settings)
        self._documents = settings.clouds
        unchanged = {
            name: cloud
            for name, cloud in (earlier.by_name.items() if earlier else ())
            if earlier and earlier._documents[name] == settings.clouds.get(name)
        }
        self.by_name: Mapping[str, Cloud] = {
            name: unchanged.get(name) or CLOUDS[name](document, self.around)
            for name, document in settings.clouds.items()
        }


# A cloud is imported only where it is used: moto alone costs a start more than all the rest.


def _aws(document: Mapping[str, Any], around: Surroundings) -> Cloud:
    from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings

    aws = AwsSettings.of(document)
    tokens, propagation = around.tokens(aws.issuer), around.settings.propagation
    return AwsCloud(aws, tokens, around.data, propagation=propagation, decisions=around.decisions)


def _azure(document: Mapping[str, Any], around: Surroundings) -> Cloud:
    from rehearsal.emulators.azure.cloud import AzureCloud, AzureSettings

    azure = AzureSettings.of(document)
    tokens, propagation = around.tokens(azure.issuer), around.settings.propagation
    return AzureCloud(azure, tokens, around.data, propagation=propagation, decisions=around.decisions)


def _gcp(document: Mapping[str, Any], around: Surroundings) -> Cloud:
    from rehearsal.emulators.gcp.cloud import GcpCloud, GcpSettings

    gcp = GcpSettings.of(document)
    tokens, propagation = around.tokens(gcp.cluster), around.settings.propagation
    return GcpCloud(gcp, tokens, around.cluster, around.data, propagation=propagation, decisions=around.decisions)


def _openshift(document: Mapping[str, Any], around: Surroundings) -> Cloud:
    from rehearsal.emulators.openshift.api import PlatformApi
    from rehearsal.emulators.openshift.cloud import OpenShiftCloud, OpenShiftSettings

    return OpenShiftCloud(OpenShiftSettings.of(document), PlatformApi(around.settings), around.data, around.decisions)


CLOUDS: Mapping[str, Callable[[Mapping[str, Any], Surroundings], Cloud]] = {
    "aws": _aws,
    "azure": _azure,
    "gcp": _gcp,
    "openshift": _openshift,
}
"""By the name under which ``Settings.clouds`` has a cloud's settings. Another cloud adds its line here."""
