"""The cluster as an explicit provider: every resource names it, so that none uses Pulumi's default provider."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes

from mendix_registry.settings.stack import Cluster


def cluster_provider(
    name: str, cluster: Cluster, opts: pulumi.ResourceOptions | None = None
) -> pulumi_kubernetes.Provider:
    """The provider of the stack's cluster. Without a kubeconfig in the stack file: the ambient one (``KUBECONFIG``)."""
    kubeconfig = pulumi.Output.secret(cluster.kubeconfig) if cluster.kubeconfig else None
    return pulumi_kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        context=cluster.context,
        # Rotating a password must not delete the Secret, even for a moment: nodes are pulling with it.
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        opts=opts,
    )
