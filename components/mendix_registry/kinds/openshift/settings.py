"""The registries that OpenShift brings along: ``openshift3`` and ``openshift4``."""

from __future__ import annotations

from typing import ClassVar, Literal

from mendix_registry.settings.references import Host, RepositoryPattern
from mendix_registry.settings.registry_kind import RegistryKind

OPENSHIFT4_HOST = "image-registry.openshift-image-registry.svc:5000"
"""Where every OpenShift 4 has its registry, for pods and for nodes (Mendix's OperatorConfiguration sample)."""

OPENSHIFT3_HOST = "docker-registry.default.svc:5000"
"""The service of OpenShift 3's registry. Not under ``.cluster.local``, which older clients would reach by plain http."""

OPENSHIFT3_SERVICE = ("default", "docker-registry")
"""Namespace and name of the Service of OpenShift 3's registry."""

BUILDER = "builder"
"""The ServiceAccount that OpenShift makes in each project for builds, and that Mendix uses."""


class OpenShiftRegistry(RegistryKind):
    """What both versions share: builds push as ServiceAccount ``builder`` with its own token, nodes pull by themselves."""

    only_https: ClassVar[bool] = True
    builder: ClassVar[str | None] = BUILDER

    repository: RepositoryPattern = "{namespace}/mendix-apps"
    """The ImageStream, as ``<namespace>/<name>``: its project is the namespace that builds."""

    create_role_binding: bool = True
    """Whether this stack binds ServiceAccount ``builder`` to the ClusterRole ``system:image-builder``. OpenShift does so itself in
    new projects, except where its capability "Build" is switched off; a second binding changes nothing."""


class OpenShift3Registry(OpenShiftRegistry):
    """The registry of OpenShift 3."""

    type: Literal["openshift3"]

    push_host: Host = OPENSHIFT3_HOST
    """Push URL: the registry's service name, as the builds' pods reach it."""

    pull_host: Host | None = None
    """Pull URL: the registry's service address, as nodes reach it. Default: read from Service ``docker-registry`` in
    namespace ``default``."""

    @property
    def hosts(self) -> tuple[str, str]:
        return self.push_host, self.pull_host or ""


class OpenShift4Registry(OpenShiftRegistry):
    """The registry of OpenShift 4, which needs no settings."""

    type: Literal["openshift4"]

    @property
    def hosts(self) -> tuple[str, str]:
        return OPENSHIFT4_HOST, OPENSHIFT4_HOST
