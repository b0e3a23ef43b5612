"""What every operation of a configured provider works with."""

from __future__ import annotations

from dataclasses import dataclass

from .api import Api
from .configuration import Configuration
from .discovery import Discovery
from .engine_log import EngineLog
from .redaction import Redactor


@dataclass(frozen=True, slots=True)
class Session:
    """One configured provider: its settings, its API server, and the way to the engine's display."""

    configuration: Configuration
    api: Api
    discovery: Discovery
    log: EngineLog
    redactor: Redactor

    @classmethod
    def open(cls, configuration: Configuration, log: EngineLog, redactor: Redactor) -> Session:
        """Make a session; nothing is contacted before the first request."""
        api = Api(configuration.kubeconfig, configuration.context, configuration.cluster)
        return cls(configuration, api, Discovery(api), log, redactor)

    @property
    def default_namespace(self) -> str:
        """Namespace of objects that name none: the provider's setting, else the context's.

        Raises ClusterUnavailableError where the kubeconfig cannot be read.
        """
        return self.configuration.namespace or self.api.selection.namespace
