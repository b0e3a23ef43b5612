"""The Kubernetes side: ServiceAccount, pull secret, ``OperatorConfiguration`` and the builder Job of each namespace."""

from components.kubernetes.build_job import BuildJob
from components.kubernetes.builder_job import BuilderJob
from components.kubernetes.cluster import cluster_provider
from components.kubernetes.cluster_events import ClusterEvents
from components.kubernetes.job_failure import on_job_failure
from components.kubernetes.mirror_job import MirrorJob
from components.kubernetes.namespace import MendixNamespace

__all__ = [
    "BuildJob",
    "BuilderJob",
    "ClusterEvents",
    "MendixNamespace",
    "MirrorJob",
    "cluster_provider",
    "on_job_failure",
]
