"""The Pulumi program: a namespace with a Job that fails for each case, by the project's own components."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, LimitRange, ResourceQuota

from mendix_registry.kubernetes import (
    BuilderJob,
    BuilderJobArgs,
    BuildJob,
    ClusterEvents,
    MendixNamespace,
    MendixNamespaceArgs,
    MirrorJob,
    MirrorJobArgs,
    PushJobArgs,
    cluster_provider,
    on_job_failure,
)
from mendix_registry.namespace_access import (
    Anonymous,
    CaBundle,
    Credentials,
    NamespaceAccess,
    NewCredentialFile,
    NewPullSecret,
    ServiceAccountIdentity,
    ServiceAccountToken,
    WorkloadIdentity,
)
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from mendix_registry.settings.stack import Cluster, OperatorConfiguration
from mendix_registry.settings.stack import Namespace as NamespaceOptions
from mendix_registry.settings.transport import TransportDecision
from tests.end_to_end.no_hang.cases import MDA, USER, Case, namespace


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the running sandbox knows: its kubeconfig, the registries' authority and password, the client image, the base
    image, the registry that answers otherwise, an address at which nothing listens."""

    kubeconfig: str
    authority: str
    password: str
    client: str
    base: str
    answering: str
    closed: str

    def filled(self, value: Any) -> Any:
        """``value`` with the facts in its texts."""
        if isinstance(value, str):
            names = {"base": self.base, "answering": self.answering, "closed": self.closed}
            for name, text in {**names, "sha256": hashlib.sha256(MDA).hexdigest()}.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        if isinstance(value, Mapping):
            return {key: self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value


def deploy(cases: Mapping[str, Case], facts: Facts) -> None:
    """Registers the cases' namespaces. Of none does another depend on."""
    cluster = Cluster(kubeconfig=facts.kubeconfig)
    provider = cluster_provider("cluster", cluster)
    hook = on_job_failure("no-hang-job-failure", ClusterEvents(cluster))
    for name, case in cases.items():
        _Namespace(namespace(name), case, facts, hook, pulumi.ResourceOptions(providers=[provider]))


class _Namespace(pulumi.ComponentResource):
    def __init__(
        self, name: str, case: Case, facts: Facts, hook: pulumi.ErrorHook, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__("tests:no-hang:Namespace", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        access = _access(name, case, facts)
        builder = Builder.model_validate({"image": facts.client, "prove_node_pull": case.pull_host is not None,
                                          "timeout_seconds": 120, **facts.filled(dict(case.builder))})  # fmt: skip
        copies = [Copy(image.source, f"{case.repository}:copy", ()) for image in builder.mirror]
        made = MendixNamespace(
            name,
            MendixNamespaceArgs(
                namespace=NamespaceOptions(name=name, create=True),
                access=access,
                operator_configuration=OperatorConfiguration(adopt="none"),
                builder=builder.model_copy(update={"mode": "none"}),
            ),
            opts=child,
        )
        credentials = access.credentials
        secret = credentials.name if isinstance(credentials, NewPullSecret | NewCredentialFile) else None
        if case.trouble == "secret":
            access, secret = replace(access, credentials=_credentials("file", "", facts)), "absent"
        if case.trouble == "config map":
            access = replace(access, ca_bundle=CaBundle("absent", "ca.crt", {}))
        args: dict[str, Any] = {
            "namespace": made.namespace,
            "access": access,
            "builder": builder,
            "service_account": made.service_account,
            "secret_name": secret,
            "before_push": _before_push(name, case, made.namespace, self),
            "on_failure": hook,
        }
        if builder.build is not None:
            BuildJob(name, PushJobArgs(**args), opts=child)
        elif copies:
            MirrorJob(name, MirrorJobArgs(**args, copies=copies), opts=child)
        else:
            BuilderJob(name, BuilderJobArgs(**args), opts=child)


def _access(name: str, case: Case, facts: Facts) -> NamespaceAccess:
    host = facts.filled(case.host)
    return NamespaceAccess(
        namespace=name,
        kind="generic",
        push_host=host,
        pull_host=case.pull_host or host,
        repository=case.repository,
        image_name_template=None,
        transport=TransportDecision(case.insecure, "a test", facts.authority if case.trusted else None),
        identity=ServiceAccountIdentity(
            "absent" if case.trouble == "service account" else "builder", create=case.trouble != "service account"
        ),
        credentials=_credentials(case.credentials, host, facts),
        pull="node",
    )


def _credentials(kind: str, host: str, facts: Facts) -> Credentials:
    match kind:
        case "password" | "wrong" | "other host":
            password = "mistyped" if kind == "wrong" else facts.password
            login = base64.b64encode(f"{USER}:{password}".encode()).decode()
            config = {"auths": {"other.example.com" if kind == "other host" else host: {"auth": login}}}
            return NewPullSecret("login", pulumi.Output.secret(json.dumps(config)), USER)
        case "token":
            return ServiceAccountToken("someone")
        case "identity":
            return WorkloadIdentity("someone")
        case "file":
            content = pulumi.Output.secret("[default]\naws_access_key_id = AKIA0\naws_secret_access_key = 0\n")
            return NewCredentialFile("key", "credentials", content, "AWS_SHARED_CREDENTIALS_FILE", "AKIA0")
        case _:
            return Anonymous()


def _before_push(name: str, case: Case, place: pulumi.Output[str], parent: pulumi.Resource) -> list[pulumi.Resource]:
    """What must be in the namespace before its Job: the app, or what keeps the Job from running."""
    metadata, opts = {"namespace": place}, pulumi.ResourceOptions(parent=parent)
    match case.trouble:
        case "quota":
            return [ResourceQuota(name, metadata=metadata, spec={"hard": {"pods": "0"}}, opts=opts)]
        case "limit range":
            limits = [{"type": "Container", "max": {"memory": "64Mi"}}]
            return [LimitRange(name, metadata=metadata, spec={"limits": limits}, opts=opts)]
        case _:
            app = {"app.mda": base64.b64encode(MDA).decode()}
            return [ConfigMap(f"{name}-app", metadata={**metadata, "name": "app"}, binary_data=app, opts=opts)]
