"""What a registry kind is made of: a row of the table :data:`mendix_registry.kinds.KINDS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

from mendix_registry.settings.limits import Limits
from mendix_registry.settings.plan import PlannedIdentity, Prerequisite
from mendix_registry.settings.problems import Location, Problem
from mendix_registry.settings.registry_kind import RegistryKind
from mendix_registry.settings.stack import Namespace, Settings

if TYPE_CHECKING:
    import pulumi

    from mendix_registry.place import RegistryPlace


class Rules(Protocol):
    """The module ``rules`` in a kind's folder: what its settings must and must not contain."""

    def check(self, settings: Settings, registry: Any) -> Iterator[Problem]:
        """Every problem of a stack of this kind, beyond what holds for every kind."""
        ...

    def check_copy(
        self, settings: Settings, registry: Any, namespace: Namespace, repository: str, at: Location
    ) -> Iterator[Problem]:
        """Why the builder of ``namespace`` cannot copy to ``repository``, as ``builder.mirror`` asks for ``at`` this place."""
        ...


class Description(Protocol):
    """The module ``description`` in a kind's folder: what its settings decide, before anything is deployed."""

    def identities(self, settings: Settings, registry: Any, stack: str) -> Mapping[str, PlannedIdentity]:
        """Who pushes, by the namespace's name; a namespace is left out where no one authenticates. ``stack`` is the Pulumi stack's
        name, which names have in them."""
        ...

    def prerequisites(self, settings: Settings, registry: Any) -> Iterator[Prerequisite]:
        """What must exist before the stack, beyond what every kind needs."""
        ...

    def where(self, settings: Settings, registry: Any, providers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the registry is, by its cloud's own keys; each null where only the cloud knows it. ``providers`` are the stack
        file's keys of other packages (``aws:region``)."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A registry kind. Its folder holds the modules ``settings``, ``rules``, ``description`` and ``resources``, and ``limits``
    where a cloud limits what several stacks have.

    ``settings`` is the type of the stack file's key ``registry``. ``component`` is the name of the class in ``resources`` that
    makes what the kind needs; it is imported, and with it the cloud's SDK, only by the stacks of this kind.
    """

    settings: type[RegistryKind]
    component: str

    @property
    def type(self) -> str:
        """Its value of ``registry.type``."""
        return str(get_args(self.settings.model_fields["type"].annotation)[0])

    @property
    def rules(self) -> Rules:
        """The kind's rules."""
        return cast("Rules", self._module("rules"))

    @property
    def description(self) -> Description:
        """What the kind's settings decide."""
        return cast("Description", self._module("description"))

    @property
    def limits(self) -> Limits:
        """What stacks of the kind share."""
        return self._module("limits").LIMITS if find_spec(self._name("limits")) else Limits()

    def place(self) -> Callable[[str, Settings, RegistryKind, pulumi.ResourceOptions], RegistryPlace]:
        """The kind's component: takes its name, the settings, their registry, and options."""
        return getattr(self._module("resources"), self.component)

    def _module(self, name: str) -> Any:
        return importlib.import_module(self._name(name))

    def _name(self, module: str) -> str:
        return f"{self.settings.__module__.rpartition('.')[0]}.{module}"
