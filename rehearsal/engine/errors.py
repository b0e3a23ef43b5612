"""Errors of the engine. Each message says what was wrong, why it matters and what to do."""

from __future__ import annotations


class EngineError(Exception):
    """The update cannot start or go on. The message is for the user; exit status 1 unless a subclass says otherwise."""


class ProgramConfigurationError(EngineError):
    """The program refused its configuration before registering anything. Exit status 2."""


class PluginError(EngineError):
    """A provider plugin cannot be found, started or talked to."""


class ProviderError(EngineError):
    """A provider refused or failed an operation on one resource; the provider says why."""


class OutcomeUnknownError(ProviderError):
    """The provider went away during an operation, so nobody knows whether it took effect.

    The operation stays pending in the state; the next update settles it.
    """


class ResourceInitError(ProviderError):
    """The resource exists but did not become ready (``pulumirpc.ErrorResourceInitFailed``).

    It is recorded in the state with its reasons, and the next update tries again.
    """

    def __init__(
        self, resource_id: str, outputs: dict[str, object], inputs: dict[str, object], reasons: list[str]
    ) -> None:
        super().__init__("\n".join(reasons))
        self.resource_id = resource_id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class CancelledError(EngineError):
    """The update was cancelled by its user or by an earlier failure."""
