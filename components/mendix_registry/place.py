"""What every registry kind's component gives to the Kubernetes side and to the stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from mendix_registry.component_inputs import settings_inputs
from mendix_registry.namespace_access import NamespaceAccess
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.transport import TransportDecision

NAME = "registry"
"""How the one registry of a stack file is called. In a component it is the end of the name."""


class RegistryPlace(pulumi.ComponentResource):
    """A place where the registry lives. A kind's component makes what is needed there, then calls :meth:`publish`.

    Its inputs are the stack file's key ``registry``, without credentials and without the authority's certificates, which are long.

    A child that is named after something else than this component begins with :attr:`prefix`, so that a program can have several.
    """

    push_host: pulumi.Output[str]
    """The host that builds push to."""

    pull_host: pulumi.Output[str]
    """The host that nodes pull from."""

    transport: pulumi.Output[str]
    """``https`` or ``http``, as decided for the push host."""

    transport_reason: pulumi.Output[str]
    """Why."""

    access: Mapping[str, NamespaceAccess]
    """Each namespace's access, by its name."""

    def __init__(
        self, token: str, name: str, registry: RegistryKind, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        transport = registry.transport.model_copy(update={"ca_certificate": None})
        super().__init__(token, name, settings_inputs(registry.model_copy(update={"transport": transport})), opts)
        self.prefix = name.removesuffix(NAME)

    def publish(
        self,
        push_host: pulumi.Input[str],
        pull_host: pulumi.Input[str],
        decision: TransportDecision,
        access: Mapping[str, NamespaceAccess],
        **more: pulumi.Input[str],
    ) -> None:
        """Sets the attributes and registers the outputs, and ``more`` of the kind's own."""
        self.push_host = pulumi.Output.from_input(push_host)
        self.pull_host = pulumi.Output.from_input(pull_host)
        self.transport = pulumi.Output.from_input(decision.scheme)
        self.transport_reason = pulumi.Output.from_input(decision.reason)
        self.access = access
        self.register_outputs(
            {
                "pushHost": self.push_host,
                "pullHost": self.pull_host,
                "transport": self.transport,
                "transportReason": self.transport_reason,
                **more,
            }
        )
