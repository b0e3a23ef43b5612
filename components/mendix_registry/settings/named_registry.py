"""A registry whose hosts the stack file names."""

from __future__ import annotations

from mendix_registry.settings.references import Host
from mendix_registry.settings.registry_kind import RegistryKind


class NamedRegistry(RegistryKind):
    """The key ``registry`` of the kinds whose hosts the stack file names."""

    push_host: Host | None = None
    """Push URL: the host as pods inside the cluster reach it. May be left out where a preset knows it."""

    pull_host: Host | None = None
    """Pull URL: the host as the nodes' container runtime reaches it. Default: the push host."""

    @property
    def hosts(self) -> tuple[str, str]:
        push = self.push_host or ""
        return push, self.pull_host or push
