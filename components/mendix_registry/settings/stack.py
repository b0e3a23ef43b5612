"""The stack file as types: every key of the namespace ``mendix-registry``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mendix_registry.settings.builder import Builder
from mendix_registry.settings.labels import Labels
from mendix_registry.settings.mirroring import Copy, copies
from mendix_registry.settings.references import NamespaceName, ObjectName, RepositoryPattern
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import MaybeSecret

OPERATOR_CONFIGURATION = "mendix-operator-configuration"
"""Name of the object in each namespace that configures Mendix's Operator for the registry."""


class Cluster(Section):
    """Which Kubernetes cluster. Without either key: the ambient one (``KUBECONFIG``, else ``~/.kube/config``)."""

    kubeconfig: MaybeSecret | None = None
    """A kubeconfig: its text, or ``{file: path}``, ``{environment: NAME}``. Kept as a secret. In plain text only without
    credentials (a plug-in has them); one with a token, password or key, also in a plug-in's arguments or variables, must be
    encrypted or stand elsewhere."""

    context: str | None = None
    """The context of the kubeconfig; default: its current one."""


class ServiceAccountReference(Section):
    """The ServiceAccount that the builder Job runs as, and that cloud identities trust."""

    name: ObjectName = "mendix-builder"
    """Mendix recommends ``mendix-builder``."""

    create: bool = True
    """Whether this stack creates it. ``false``: it exists, for instance because mxpc-cli created it."""


class Namespace(Section):
    """One namespace of Mendix for Private Cloud, and what differs in it from the rest of the stack."""

    name: NamespaceName
    """The namespace's name."""

    create: bool = False
    """Whether this stack creates it (and deletes it, with everything inside, when the stack is destroyed)."""

    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """The Pod Security Standard that a created namespace enforces."""

    labels: Labels = Field(default_factory=dict[str, str])
    """Further labels of a created namespace. What it enforces of the Pod Security Standards is ``podSecurity``; another
    level for ``pod-security.kubernetes.io/audit`` or ``warn`` may stand here."""

    repository: RepositoryPattern | None = None
    """The namespace's own repository, instead of ``registry.repository``."""

    secret_name: ObjectName | None = None
    """With ``docker-secret``: the namespace's own Secret, instead of ``registry.secretName``."""

    service_account: ServiceAccountReference = ServiceAccountReference()
    """Who the builder Job runs as."""


class OperatorConfiguration(Section):
    """What this stack writes to ``mendix-operator-configuration`` in each namespace."""

    adopt: Literal["patch", "create", "none"] = "patch"
    """``patch``: Mendix's installer created it, own only the fields set here; ``create``: this stack owns the object;
    ``none``: leave it alone (for example because mxpc-cli writes it)."""

    type: str | None = None
    """``spec.registry.type``. Written only if given: no public source lists the values except ``openshift``."""

    image_name_template: str | None = "{repository}:{{.Name}}-{{.Timestamp}}"
    """``spec.registry.imageNameTemplate``: Mendix's variables ``{{.Name}}``, ``{{.Generation}}``, ``{{.Version}}``,
    ``{{.UnixTimestamp}}``, ``{{.Timestamp}}``; and ``{repository}``, ``{namespace}`` of this stack. ``null`` leaves the
    field alone."""

    trust_ca_certificate: bool = True
    """Whether ``registry.transport.caCertificate`` is also given to the Operator (``spec.trust.customCASecretName``),
    so that Mendix's own build trusts the registry as the builder Job does."""

    overlay: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Anything else below ``spec``, merged as it is. It cannot repeat the four fields of ``spec.registry`` above."""

    force: bool = False
    """Whether to take over fields that another tool (mxpc-cli, kubectl) owns, instead of failing with the conflict."""


class Settings(Section):
    """Everything a stack file sets. Made by :func:`mendix_registry.stack_file.program.read_settings`."""

    registry: RegistryKind
    """Which registry."""

    namespaces: Annotated[tuple[Namespace, ...], Field(min_length=1)]
    """The namespaces that get access to it."""

    cluster: Cluster = Cluster()
    """Which cluster they are in."""

    operator_configuration: OperatorConfiguration = OperatorConfiguration()
    """How Mendix's Operator is configured."""

    builder: Builder = Builder()
    """How the push is proved."""

    def repository(self, namespace: Namespace) -> str:
        """The repository of ``namespace``, with its name filled in."""
        return (namespace.repository or self.registry.repository).replace("{namespace}", namespace.name)

    def service_account(self, namespace: Namespace) -> ServiceAccountReference:
        """Who builds in ``namespace``. What the platform itself makes is created only where the stack file asks for it."""
        chosen = namespace.service_account
        if self.registry.builder is None:
            return chosen
        create = chosen.create and "service_account" in namespace.model_fields_set
        return ServiceAccountReference(name=self.registry.builder, create=create)

    def secret_name(self, namespace: Namespace) -> str | None:
        """With ``docker-secret``: the name of the existing Secret in ``namespace``."""
        return namespace.secret_name or getattr(self.registry, "secret_name", None)

    @property
    def push_host(self) -> str:
        """The host that builds push to; empty where only the cloud knows it."""
        return self.registry.hosts[0]

    @property
    def pull_host(self) -> str:
        """The host that nodes pull from; empty where only the cloud knows it."""
        return self.registry.hosts[1]

    def image_name_template(self, namespace: Namespace) -> str | None:
        """The template for ``namespace`` with this project's own placeholders filled in; None leaves the field
        alone."""
        template = self.operator_configuration.image_name_template
        if template is None:
            return None
        return self.filled(template, namespace)

    def filled(self, template: str, namespace: Namespace) -> str:
        """``template`` with ``{repository}`` and ``{namespace}`` filled in for ``namespace``."""
        return template.replace("{repository}", self.repository(namespace)).replace("{namespace}", namespace.name)

    def copies(self) -> dict[str, tuple[Copy, ...]]:
        """With mode ``mirror``: what the builder of each namespace copies. What several namespaces would copy to the same
        place, the first of them does."""
        if self.builder.mode != "mirror":
            return {}
        taken: set[str] = set()
        result: dict[str, tuple[Copy, ...]] = {}
        for namespace in self.namespaces:
            found = copies(self.builder.mirror, lambda template, at=namespace: self.filled(template, at))
            result[namespace.name] = tuple(copy for copy in found if copy.destination not in taken)
            taken |= {copy.destination for copy in found}
        return result
