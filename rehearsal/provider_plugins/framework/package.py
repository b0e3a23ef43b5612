"""One provider as data: its types, its functions, its configuration, and how to connect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Generic, TypeAlias, TypeVar

from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import Input, Resource

C = TypeVar("C")
Function: TypeAlias = Callable[[Any, Properties], Properties]
"""An invoke: the connection and the arguments give the result. Raises CloudError."""


@dataclass(frozen=True, slots=True)
class Package(Generic[C]):
    """``name`` is Pulumi's (``azure-native``); the SDK on PyPI is ``pulumi-NAME``.

    ``connect`` is given the provider's configuration, checked and plain, and must contact nothing: a preview has to work where
    there is no cloud. Raises CloudError for a configuration that cannot work.
    """

    name: str
    resources: Sequence[type[Resource[C]]]
    functions: Mapping[str, Function]
    configuration: Mapping[str, Input]
    connect: Callable[[Properties], C]

    @property
    def version(self) -> str:
        """That of the installed SDK: the plugin is made for exactly that one."""
        return metadata.version(f"pulumi-{self.name}")

    def resource(self, token: str) -> type[Resource[C]] | None:
        return next((item for item in self.resources if item.type == token), None)
