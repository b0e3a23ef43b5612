"""Joins the modules for a stack: its registry's component, then the Kubernetes side of each namespace. No cloud logic here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from mendix_registry.kinds import KINDS
from mendix_registry.namespace_access import (
    Anonymous,
    ExistingPullSecret,
    NamespaceAccess,
    NewCredentialFile,
    NewPullSecret,
    ServiceAccountToken,
    WorkloadIdentity,
)
from mendix_registry.place import NAME
from mendix_registry.settings.stack import Settings


def deploy(settings: Settings, parent: pulumi.Resource | None = None, prefix: str = "") -> Mapping[str, Any]:
    """Registers the stack's resources, below ``parent`` where one is given, and returns its outputs. ``prefix`` begins the names of
    them all, so that a program can have several registries.

    * ``registry``: kind, hosts, transport and why it was chosen;
    * ``namespaces``: for each, repository, ServiceAccount, pull secret, who pushed, what was pushed, pulled and mirrored;
    * ``mxpcConfiguration``: for each namespace mxpc-cli's configuration file, a secret where it holds a password.
    """
    # The Kubernetes SDK takes longer to import than reading and checking a whole stack file.
    from mendix_registry.kubernetes import (
        ClusterEvents,
        MendixNamespace,
        MendixNamespaceArgs,
        cluster_provider,
        on_job_failure,
    )

    given = parent.get_provider("kubernetes:core/v1:Secret") if parent is not None else None
    ambient = not (settings.cluster.kubeconfig or settings.cluster.context)
    if given is not None and ambient:
        cluster = given
    else:
        cluster = cluster_provider(f"{prefix}cluster", settings.cluster, opts=pulumi.ResourceOptions(parent=parent))
    registry = settings.registry
    opts = pulumi.ResourceOptions(parent=parent, providers=[cluster])
    place = KINDS[registry.type].place()(f"{prefix}{NAME}", settings, registry, opts)
    job_failure = on_job_failure(f"{prefix or 'mendix-registry-'}job-failure", ClusterEvents(settings.cluster))
    copies = settings.copies()
    namespaces: dict[str, Any] = {}
    files: dict[str, pulumi.Output[str]] = {}
    for namespace in settings.namespaces:
        access = place.access[namespace.name]
        made = MendixNamespace(
            f"{prefix}{namespace.name}",
            MendixNamespaceArgs(
                namespace=namespace,
                access=access,
                operator_configuration=settings.operator_configuration,
                builder=settings.builder
                if access.pending is None
                else settings.builder.model_copy(update={"mode": "none"}),
                copies=copies.get(namespace.name, ()),
                on_job_failure=job_failure,
            ),
            opts=pulumi.ResourceOptions(parent=parent, providers=[cluster]),
        )
        namespaces[namespace.name] = {
            "repository": access.repository,
            "serviceAccount": made.service_account,
            "pullSecret": made.pull_secret,
            "pushedAs": _who(access),
            "pushed": made.pushed,
            "digest": made.digest,
            "pulled": made.pulled,
        }
        if settings.builder.mode == "mirror":
            namespaces[namespace.name]["mirrored"] = made.mirrored
        if access.mxpc_configuration is not None:
            files[namespace.name] = access.mxpc_configuration
    outputs: dict[str, Any] = {
        "registry": {
            "type": registry.type,
            "pushHost": place.push_host,
            "pullHost": place.pull_host,
            "transport": place.transport,
            "transportReason": place.transport_reason,
        },
        "namespaces": namespaces,
    }
    if files:
        outputs["mxpcConfiguration"] = files
    return outputs


def _who(access: NamespaceAccess) -> pulumi.Input[str]:
    if access.pending is not None:
        return f"no one yet: {access.pending}"
    match access.credentials:
        case Anonymous():
            return "anonymous"
        case NewPullSecret(username=username) | NewCredentialFile(username=username):
            return username
        case ExistingPullSecret(name=name):
            return f"the user in Secret {name}"
        case ServiceAccountToken():
            return f"system:serviceaccount:{access.namespace}:{access.identity.name}"
        case WorkloadIdentity(description=description):
            return description
