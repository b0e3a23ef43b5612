"""Errors of the API server as values: what happened, to which object, and which of its properties matter here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


class KubernetesError(Exception):
    """An operation failed; the message is for the user: what was wrong, why it matters, what to do."""


class ClusterUnavailableError(KubernetesError):
    """The API server cannot be used at all: no kubeconfig, wrong context, no connection, or refused credentials."""


class CancelledOperationError(KubernetesError):
    """The engine cancelled while an operation waited."""


class ApiError(KubernetesError):
    """The API server answered with a ``Status`` that is no success.

    ``code`` is the HTTP status, ``reason`` the API's own word (``NotFound``, ``Conflict``, ``Invalid``, …),
    ``causes`` the entries of ``details.causes`` (``reason``, ``message``, ``field``).
    """

    def __init__(self, code: int, status: Mapping[str, Any], request: str, retry_after: float | None = None) -> None:
        self.code = code
        self.reason: str = str(status.get("reason") or "")
        self.message: str = str(status.get("message") or f"HTTP status {code}")
        self.details: Mapping[str, Any] = cast("Mapping[str, Any]", status.get("details") or {})
        self.request = request
        self.retry_after = retry_after
        super().__init__(f"{self.message} ({request}, {code}{' ' + self.reason if self.reason else ''})")

    @property
    def causes(self) -> list[Mapping[str, Any]]:
        return cast("list[Mapping[str, Any]]", self.details.get("causes") or [])

    @property
    def not_found(self) -> bool:
        return self.code == 404

    @property
    def forbidden(self) -> bool:
        return self.code == 403

    @property
    def missing_namespace(self) -> bool:
        """The namespace that the object goes into does not exist."""
        return self.code == 404 and self.details.get("kind") == "namespaces"

    @property
    def field_conflict(self) -> bool:
        """Server-side apply met a field that another manager owns with another value."""
        return self.code == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in self.causes)

    @property
    def immutable(self) -> bool:
        """The change touches a field that the API lets nobody change."""
        return self.code == 422 and (
            "field is immutable" in self.message
            or "updates to statefulset spec" in self.message
            or "pod updates may not change fields" in self.message
            or "may not be changed" in self.message
            or "cannot change roleRef" in self.message
            or "spec is immutable" in self.message
        )

    @property
    def dry_run_refused(self) -> bool:
        """A webhook or the server does not take dry runs of this object."""
        return self.code == 400 and "dry run" in self.message
