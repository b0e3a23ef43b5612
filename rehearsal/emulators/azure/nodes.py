"""The managed identity of the cluster's nodes, as which they pull."""

from __future__ import annotations

from rehearsal.emulators.azure.acr import REFRESH_USER, Acr
from rehearsal.emulators.azure.registries import Registries


class KubeletIdentity:
    """Satisfies :class:`rehearsal.emulators.nodes.NodeIdentity`: the kubelet's managed identity with the object id ``principal``.

    As Azure's credential provider it exchanges the identity's token for a refresh token of the registry, whatever the identity may
    do there. Source: github.com/kubernetes-sigs/cloud-provider-azure, cmd/acr-credential-provider.
    """

    def __init__(self, acr: Acr, registries: Registries, principal: str) -> None:
        self._acr, self._registries, self._principal = acr, registries, principal

    def node_credentials(self, host: str) -> tuple[str, str] | None:
        if not self._principal or self._registries.by_host(host) is None:
            return None
        return REFRESH_USER, self._acr.refresh_token(host, self._principal)
