"""Namespaces as every kind of credentials makes them, registered under mocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap

from mendix_registry.kubernetes import ClusterEvents, MendixNamespace, MendixNamespaceArgs, on_job_failure
from mendix_registry.namespace_access import (
    Anonymous,
    CaBundle,
    Credentials,
    ExistingPullSecret,
    NamespaceAccess,
    NewCredentialFile,
    NewPullSecret,
    PushRole,
    ServiceAccountIdentity,
    ServiceAccountToken,
    WorkloadIdentity,
)
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from mendix_registry.settings.stack import Cluster, Namespace, OperatorConfiguration
from mendix_registry.settings.transport import TransportDecision
from tests.components.program import Recording, run

CANARY = "canary-of-a-password"
HOST = "registry.example.com"

CREDENTIALS: dict[str, Callable[[], Credentials]] = {
    "anonymous": Anonymous,
    "new-pull-secret": lambda: NewPullSecret(
        "mendix-registry", pulumi.Output.secret(f'{{"auths":{{"{HOST}":{{"auth":"{CANARY}"}}}}}}'), "builder"
    ),
    "existing-pull-secret": lambda: ExistingPullSecret("login", (HOST, "apps/orders"), (HOST, "apps/orders")),
    "credential-file": lambda: NewCredentialFile(
        "mendix-registry-aws", "credentials", pulumi.Output.secret(CANARY), "AWS_SHARED_CREDENTIALS_FILE", "AKIA"
    ),
    "token": lambda: ServiceAccountToken("serviceaccount"),
    "token-for-an-audience": lambda: ServiceAccountToken("serviceaccount", "registry", 900),
    "workload-identity": lambda: WorkloadIdentity("arn:aws:iam::123456789012:role/orders"),
}

EXISTING_SECRET: dict[str, Any] = {
    "type": "kubernetes.io/dockerconfigjson",
    # {"auths":{"registry.example.com":{"auth":"YTpi"}}}
    "data": {".dockerconfigjson": "eyJhdXRocyI6eyJyZWdpc3RyeS5leGFtcGxlLmNvbSI6eyJhdXRoIjoiWVRwaSJ9fX0="},
    "metadata": {"name": "login", "namespace": "orders", "uid": "1", "resourceVersion": "7"},
}


def access(kind: str = "new-pull-secret", **changes: Any) -> NamespaceAccess:
    """The access of namespace ``orders``. Called inside a program."""
    values: dict[str, Any] = {
        "namespace": "orders",
        "kind": "generic",
        "push_host": HOST,
        "pull_host": HOST,
        "repository": "apps/orders",
        "image_name_template": "apps/orders:{{.Name}}",
        "transport": TransportDecision(False, "a test"),
        "identity": ServiceAccountIdentity("mendix-builder"),
        "credentials": CREDENTIALS[kind](),
        "pull": "linked-secret" if kind.endswith("pull-secret") else "node",
    }
    return NamespaceAccess(**{**values, **changes})


def namespace(
    kind: str = "new-pull-secret",
    *,
    options: OperatorConfiguration | None = None,
    builder: Builder | None = None,
    copies: Sequence[Copy] = (),
    opts: pulumi.ResourceOptions | None = None,
    create: bool = False,
    live_pull_secrets: Sequence[str] = (),
    preview: bool = False,
    hook: str | None = None,
    **changes: Any,
) -> Recording:
    """Registers the namespace ``orders`` and resolves its outputs."""

    def program() -> dict[str, Any]:
        cluster = Provider("cluster")
        made = MendixNamespace(
            "orders",
            MendixNamespaceArgs(
                namespace=Namespace(name="orders", create=create),
                access=access(kind, **{key: value() if key == "ready" else value for key, value in changes.items()}),
                operator_configuration=options or OperatorConfiguration(),
                builder=builder or Builder(),
                copies=copies,
                on_job_failure=on_job_failure(hook, ClusterEvents(Cluster())) if hook else None,
            ),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[cluster])),
        )
        return {
            "serviceAccount": made.service_account,
            "pullSecret": made.pull_secret,
            "pushed": made.pushed,
            "digest": made.digest,
            "pulled": made.pulled,
            "mirrored": made.mirrored,
        }

    def found(args: Any) -> dict[str, Any]:
        names = list(live_pull_secrets)
        return {"imagePullSecrets": [{"name": name} for name in names]} if args.name.endswith("-found") else {}

    return run(
        program,
        answers={
            "kubernetes:core/v1:ServiceAccountPatch": found,
            "kubernetes:core/v1:Secret": lambda args: EXISTING_SECRET if args.resource_id else named(args),
            "kubernetes:core/v1:ConfigMap": named,
            "kubernetes:batch/v1:Job": named,
        },
        preview=preview,
    )


def named(args: Any) -> dict[str, Any]:
    """The name that the provider gives to what has none."""
    return {"metadata": {"name": f"{args.name}-0a1b2c3d", **args.inputs.get("metadata", {})}}


def permission(name: str) -> ConfigMap:
    """Any resource that stands for an attached permission."""
    return ConfigMap(name, metadata={"name": name, "namespace": "orders"})


BUNDLE = CaBundle("service-ca", "service-ca.crt", {"example.com/inject": "true"})
PUSH_ROLE = PushRole("pushers", "image-builder")
