"""The Kubernetes side of one namespace: who builds, with which Secret, the Operator's configuration, and the proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, ServiceAccount
from pulumi_kubernetes.rbac.v1 import RoleBinding

from mendix_registry.kubernetes.build_job import BuildJob
from mendix_registry.kubernetes.builder_job import BuilderJob, BuilderJobArgs
from mendix_registry.kubernetes.login_secret import login_secret
from mendix_registry.kubernetes.mirror_job import MirrorJob, MirrorJobArgs, mirror_inputs
from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.kubernetes.object_identity import keep_identity
from mendix_registry.kubernetes.operator_configuration import operator_configuration
from mendix_registry.kubernetes.push_job import PushJobArgs
from mendix_registry.kubernetes.service_account_link import link_to_default
from mendix_registry.namespace_access import ExistingPullSecret, NamespaceAccess, NewCredentialFile, NewPullSecret
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from mendix_registry.settings.stack import Namespace as NamespaceOptions
from mendix_registry.settings.stack import OperatorConfiguration as OperatorOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MendixNamespaceArgs:
    """A namespace, and what it gets."""

    namespace: NamespaceOptions
    """The namespace."""

    access: NamespaceAccess
    """How it pushes and pulls."""

    operator_configuration: OperatorOptions
    """How Mendix's Operator is configured."""

    builder: Builder
    """How the push is proved."""

    copies: Sequence[Copy] = ()
    """In mode ``mirror``: what this namespace's builder copies; without any it proves its push instead."""

    on_job_failure: pulumi.ErrorHook | None = None
    """Reports why a Job never ran (see ``job_failure``)."""


class MendixNamespace(pulumi.ComponentResource):
    """Gives one namespace its registry: everything that :class:`NamespaceAccess` asks for, and a proven push."""

    namespace: pulumi.Output[str]
    """The namespace's name."""

    service_account: pulumi.Output[str]
    """The ServiceAccount that builds run as."""

    pull_secret: pulumi.Output[str | None]
    """Name of the Secret with the credentials; None where there is none."""

    pushed: pulumi.Output[str | None]
    """What was pushed and read back, ``host/repository:tag@sha256:…``; None where no proof was asked for."""

    digest: pulumi.Output[str | None]
    """Its digest."""

    pulled: pulumi.Output[str | None]
    """What a node has pulled and started; None where that was not asked for."""

    mirrored: pulumi.Output[Sequence[str] | None]
    """What was copied into the registry, ``host/repository:tag``; None where nothing was to be."""

    def __init__(self, name: str, args: MendixNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        access, builder = args.access, args.builder
        keep = pulumi.ResourceOptions(transformations=[keep_identity])
        super().__init__(
            "mendix-registry:kubernetes:MendixNamespace", name, _inputs(args), pulumi.ResourceOptions.merge(opts, keep)
        )
        self.namespace = self._namespace(name, args.namespace)
        self.service_account, revisions = self._service_account(name, access)
        credentials = access.credentials
        secret_name: pulumi.Output[str] | None = None
        pull_secret: pulumi.Output[str] | None = None
        links: list[pulumi.Resource] = []
        if isinstance(credentials, NewPullSecret | ExistingPullSecret | NewCredentialFile):
            kind = "credentials" if isinstance(credentials, NewCredentialFile) else "pull-secret"
            secret = login_secret(f"{name}-{kind}", self.namespace, credentials, parent=self)
            secret_name = secret.name
            revisions.append(secret.revision)
            # Nodes cannot read any other file than a docker config.
            if not isinstance(credentials, NewCredentialFile):
                pull_secret = secret_name
                if access.pull == "linked-secret":
                    links.append(link_to_default(f"{name}-default-link", self.namespace, pull_secret, parent=self))
        if args.operator_configuration.adopt != "none":
            operator_configuration(
                f"{name}-operator-configuration", self.namespace, access, args.operator_configuration, parent=self
            )
        self.pull_secret = pulumi.Output.from_input(pull_secret)
        self.pushed = self.digest = self.pulled = self.mirrored = pulumi.Output.from_input(None)
        push: dict[str, Any] = {
            "namespace": self.namespace,
            "access": access,
            "builder": builder,
            "service_account": self.service_account,
            "secret_name": secret_name,
            "revisions": revisions,
            "before_push": self._before_push(name, access),
            "on_failure": args.on_job_failure,
        }
        child = pulumi.ResourceOptions(parent=self)
        if builder.mode == "build":
            self.pushed = BuildJob(name, PushJobArgs(**push), child).reference
        elif builder.mode == "mirror" and args.copies:
            self.mirrored = MirrorJob(name, MirrorJobArgs(**push, copies=args.copies), child).mirrored
        elif builder.mode != "none":
            job = BuilderJob(name, BuilderJobArgs(**push, before_pull=links), child)
            self.pushed, self.digest, self.pulled = job.reference, job.digest, job.pulled
        self.register_outputs(
            {
                "namespace": self.namespace,
                "serviceAccount": self.service_account,
                "pullSecret": self.pull_secret,
                "pushed": self.pushed,
                "digest": self.digest,
                "pulled": self.pulled,
                "mirrored": self.mirrored,
            }
        )

    def _namespace(self, name: str, options: NamespaceOptions) -> pulumi.Output[str]:
        if not options.create:
            return pulumi.Output.from_input(options.name)
        # Audit and warn as well: whoever deploys by hand sees what enforcement will refuse.
        security = {f"pod-security.kubernetes.io/{mode}": options.pod_security for mode in ("enforce", "audit", "warn")}
        created = Namespace(
            name,
            metadata={"name": options.name, "labels": {**MANAGED_BY, **security, **options.labels}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return created.metadata.apply(lambda metadata: metadata.name or options.name)

    def _before_push(self, name: str, access: NamespaceAccess) -> list[pulumi.Resource]:
        made: list[pulumi.Resource] = []
        role, bundle = access.push_role, access.ca_bundle
        if role:
            made.append(
                RoleBinding(
                    f"{name}-push-role",
                    metadata={"name": role.name, "namespace": self.namespace, "labels": MANAGED_BY},
                    role_ref={
                        "api_group": "rbac.authorization.k8s.io",
                        "kind": "ClusterRole",
                        "name": role.cluster_role,
                    },
                    subjects=[
                        {"kind": "ServiceAccount", "name": access.identity.name, "namespace": self.namespace},
                    ],
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        if bundle:
            made.append(
                ConfigMap(
                    f"{name}-registry-ca",
                    metadata={
                        "name": bundle.config_map,
                        "namespace": self.namespace,
                        "labels": MANAGED_BY,
                        "annotations": dict(bundle.annotations),
                    },
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        return made

    def _service_account(
        self, name: str, access: NamespaceAccess
    ) -> tuple[pulumi.Output[str], list[pulumi.Output[str]]]:
        identity = access.identity
        if not identity.create:
            return pulumi.Output.from_input(identity.name), []
        created = ServiceAccount(
            f"{name}-builder",
            metadata={
                "name": identity.name,
                "namespace": self.namespace,
                "labels": MANAGED_BY,
                "annotations": dict(identity.annotations),
            },
            automount_service_account_token=identity.automount_token,
            opts=pulumi.ResourceOptions(parent=self),
        )
        account = created.metadata.apply(lambda metadata: metadata.name or identity.name)
        uid = created.metadata.apply(lambda metadata: str(metadata.uid))
        # Annotations name the identity at the cloud; with another one there, the push has to be proved again.
        return account, [uid, *(pulumi.Output.from_input(value) for value in identity.annotations.values())]


def _inputs(args: MendixNamespaceArgs) -> dict[str, Any]:
    # The ServiceAccount by its name, not by the object that is made: its name is known in every preview.
    access = args.access
    return {
        "namespace": access.namespace,
        "repository": access.repository,
        "pushHost": access.push_host,
        "pullHost": access.pull_host,
        "imageNameTemplate": access.image_name_template,
        "serviceAccount": access.identity.name,
        "credentials": access.credentials.kind,
        "pull": access.pull,
        "operatorConfiguration": {"adopt": args.operator_configuration.adopt},
        "builder": {"mode": args.builder.mode, **(mirror_inputs(args.copies) if args.copies else {})},
    }
