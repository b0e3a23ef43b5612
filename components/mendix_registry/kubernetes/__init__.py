"""The Kubernetes side: ServiceAccount, pull secret, ``OperatorConfiguration`` and the builder Job of each namespace."""

from mendix_registry.kubernetes.build_job import BuildJob
from mendix_registry.kubernetes.builder_job import BuilderJob, BuilderJobArgs
from mendix_registry.kubernetes.cluster import cluster_provider
from mendix_registry.kubernetes.cluster_events import ClusterEvents
from mendix_registry.kubernetes.job_failure import on_job_failure
from mendix_registry.kubernetes.mirror_job import MirrorJob, MirrorJobArgs
from mendix_registry.kubernetes.namespace import MendixNamespace, MendixNamespaceArgs
from mendix_registry.kubernetes.push_job import PushJobArgs

__all__ = [
    "BuildJob",
    "BuilderJob",
    "BuilderJobArgs",
    "ClusterEvents",
    "MendixNamespace",
    "MendixNamespaceArgs",
    "MirrorJob",
    "MirrorJobArgs",
    "PushJobArgs",
    "cluster_provider",
    "on_job_failure",
]
