"""Which programs are built from Go modules, in which versions, with which flags."""

from __future__ import annotations

import json
from pathlib import Path

from rehearsal.toolchain.go_program import GoProgram, ModuleFile

_MODULES = Path(__file__).resolve().parent / "go"

KUBERNETES_VERSION = "1.36.3"
PULUMI_VERSION = "3.274.1"
KUBERNETES_PROVIDER_VERSION = "4.25.0"
"""The Python package pulumi-kubernetes is pinned to the same: the CLI warns of a plugin that is older than its SDK."""

_COMPONENT_VERSION = "k8s.io/component-base/version"
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def _versioned(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "version": KUBERNETES_PROVIDER_VERSION}).encode()


KUBERNETES = GoProgram(
    "rehearsal-kubernetes",
    _MODULES / "kubernetes",
    # Without these kubelet and API server call themselves v0.0.0-master, and clients take that for a very old server.
    ldflags=tuple(
        f"-X {_COMPONENT_VERSION}.{name}={value}"
        for name, value in (
            ("gitVersion", f"v{KUBERNETES_VERSION}"),
            ("gitMajor", "1"),
            ("gitMinor", KUBERNETES_VERSION.split(".")[1]),
        )
    ),
    described=f"Kubernetes {KUBERNETES_VERSION}",
    cpu_seconds=500,
)
REGISTRY = GoProgram("registry", _MODULES / "programs", ("./registry",), described="the OCI registry", cpu_seconds=30)
CLIENT = GoProgram("krane", _MODULES / "programs", ("./krane",), described="the push client krane", cpu_seconds=30)
PAUSE = GoProgram("pause", _MODULES / "programs", ("./pause",), described="the pods' pause program", cpu_seconds=10)
PULUMI = GoProgram(
    "pulumi",
    _MODULES / "programs",
    ("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "./pulumi-language-python"),
    # Without it the CLI is of no version, and takes every plugin for too old or too new.
    ldflags=(f"-X {_PULUMI_SDK}/go/common/version.Version=v{PULUMI_VERSION}",),
    beside=(ModuleFile(_PULUMI_SDK, "python/cmd/pulumi-language-python-exec"),),
    described=f"the Pulumi CLI {PULUMI_VERSION}",
    cpu_seconds=430,
)
KUBERNETES_PROVIDER = GoProgram(
    "pulumi-resource-kubernetes",
    _MODULES / "kubernetes_provider",
    ldflags=(f"-X {_PROVIDER}/pkg/version.Version={KUBERNETES_PROVIDER_VERSION}",),
    embedded=(
        ModuleFile(_PROVIDER, "cmd/pulumi-resource-kubernetes/schema.json", _versioned),
        ModuleFile(_PROVIDER, "cmd/pulumi-resource-kubernetes/terraform-mapping.json"),
    ),
    described=f"Pulumi's Kubernetes provider {KUBERNETES_PROVIDER_VERSION}",
    cpu_seconds=270,
)

PROGRAMS = (PAUSE, CLIENT, REGISTRY, KUBERNETES)
"""What the cluster is made of."""
PULUMI_PROGRAMS = (PULUMI, KUBERNETES_PROVIDER)
"""What is built beside it where the machine has no Pulumi that fits."""
