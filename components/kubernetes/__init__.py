"""The Kubernetes side: ServiceAccount, pull secret, ``OperatorConfiguration`` and the builder Job of each namespace."""

from components.kubernetes.build_job import BuildJob
from components.kubernetes.builder_job import BuilderJob
from components.kubernetes.cluster import cluster_provider
from components.kubernetes.cluster_events import ClusterEvents
from components.kubernetes.credential_file import CredentialFile
from components.kubernetes.job_failure import on_job_failure
from components.kubernetes.mirror_job import MirrorJob
from components.kubernetes.namespace import MendixNamespace
from components.kubernetes.operator_configuration import OperatorConfiguration
from components.kubernetes.pull_secret import PullSecret
from components.kubernetes.service_account_link import DefaultServiceAccountLink

__all__ = [
    "BuildJob",
    "BuilderJob",
    "ClusterEvents",
    "CredentialFile",
    "DefaultServiceAccountLink",
    "MendixNamespace",
    "MirrorJob",
    "OperatorConfiguration",
    "PullSecret",
    "cluster_provider",
    "on_job_failure",
]
