"""What every kind of registry has in the stack file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mendix_registry.settings.references import RepositoryPattern
from mendix_registry.settings.section import Section
from mendix_registry.settings.transport import Transport


class RegistryKind(Section):
    """The key ``registry``, whatever its ``type``.

    A kind gives ``hosts``: push and pull host as far as the stack file gives them, each empty where only the cloud knows it
    (Azure's login server). ``cloud`` is whether the registry belongs to a cloud. ``only_https`` is whether it always speaks https,
    so that ``transport.insecure: auto`` never takes its host for one that is reached by plain http. ``builder`` is the
    ServiceAccount that builds where the platform decides it, not the namespace's ``serviceAccount``. ``sdk`` is the extra of
    ``pyproject.toml`` that brings the SDK of the kind's cloud. ``credentials_in_secret``: builds use a Secret that exists.
    ``authentication_keys`` are the keys, new and former, that choose how builds authenticate: two of them in one stack file mean
    two methods in one namespace, which Mendix cannot do. ``program_inputs`` are the inputs of :class:`MendixRegistry` that have a
    place in this kind, and which.
    """

    cloud: ClassVar[bool] = False
    sdk: ClassVar[str | None] = None
    only_https: ClassVar[bool] = False
    builder: ClassVar[str | None] = None
    credentials_in_secret: ClassVar[bool] = False
    authentication_keys: ClassVar[tuple[str, ...]] = ()
    program_inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    if TYPE_CHECKING:
        type: Any  # each kind's own word, as a Literal

    repository: RepositoryPattern
    """Registry name: the repository's path, such as ``mendixapps/{namespace}``; ``{namespace}`` is replaced."""

    transport: Transport = Transport()
    """https, plain http, custom certificate authority."""

    @property
    def links_pull_secret(self) -> bool:
        """Whether nodes pull with the pull secret, linked to ServiceAccount ``default``."""
        return False

    @property
    def hosts(self) -> tuple[str, str]:
        raise NotImplementedError
