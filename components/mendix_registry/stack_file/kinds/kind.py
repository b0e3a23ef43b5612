"""What every kind of registry has in the stack file."""

from __future__ import annotations

from typing import ClassVar

from mendix_registry.stack_file.references import RepositoryPattern
from mendix_registry.stack_file.section import Section
from mendix_registry.stack_file.transport import Transport


class RegistryKind(Section):
    """The key ``registry``, whatever its ``type``.

    A kind gives ``hosts``: push and pull host as far as the stack file tells them, each empty where only the cloud knows it
    (Azure's login server). ``cloud`` is whether the registry belongs to a cloud. ``only_https`` is whether it always speaks https,
    so that ``transport.insecure: auto`` never takes its host for one that is reached by plain http. ``builder`` is the
    ServiceAccount that builds where the platform decides it, not the namespace's ``serviceAccount``.
    """

    cloud: ClassVar[bool] = False
    only_https: ClassVar[bool] = False
    builder: ClassVar[str | None] = None

    repository: RepositoryPattern
    """Registry name: the repository's path, such as ``mendixapps/{namespace}``; ``{namespace}`` is replaced."""

    transport: Transport = Transport()
    """https, plain http, custom certificate authority."""

    @property
    def hosts(self) -> tuple[str, str]:
        raise NotImplementedError
