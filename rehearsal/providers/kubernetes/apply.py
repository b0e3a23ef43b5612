"""Server-side apply: the only way in which this provider writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .annotations import patch_force
from .api import APPLY
from .discovery import Endpoint
from .errors import ApiError
from .ownership import applied_by
from .properties import Properties, mapping_at
from .session import Session

# How long an object's namespace or definition may be missing although it was created before, in seconds.
_SETTLING_TIME: Final = 10.0
_DEPRECATION: Final = re.compile(r"\bdeprecated\b|\bunavailable in\b")


@dataclass(frozen=True, slots=True)
class Application:
    """One object to apply for one resource. ``document`` has no namespace where its kind has none."""

    urn: str
    endpoint: Endpoint
    document: dict[str, Any]
    manager: str
    force: bool

    @property
    def name(self) -> str:
        return str(mapping_at(self.document, "metadata").get("name"))

    @property
    def namespace(self) -> str:
        return str(mapping_at(self.document, "metadata").get("namespace") or "")

    @property
    def path(self) -> str:
        return self.endpoint.path(self.namespace, self.name)


def prepare(
    session: Session, urn: str, endpoint: Endpoint, document: dict[str, Any], inputs: Properties, manager: str
) -> Application:
    """Make an object ready to apply: right namespace for its scope, and the force that annotation or provider ask
    for."""
    metadata = document.setdefault("metadata", {})
    if not endpoint.namespaced:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = session.default_namespace
    chosen = patch_force(inputs)
    return Application(
        urn, endpoint, document, manager, session.configuration.patch_force if chosen is None else chosen
    )


async def apply(session: Session, application: Application, *, dry_run: bool = False) -> dict[str, Any]:
    """Apply the object and return it as the API server has it. Raises ApiError and the like."""
    parameters = {
        "fieldManager": application.manager,
        "force": "true" if application.force else "false",
        "fieldValidation": "Warn",
    }
    if dry_run:
        parameters["dryRun"] = "All"
    return await session.api.request(
        "PATCH", application.path, parameters, application.document, APPLY, on_warning=_warner(session, application.urn)
    )


async def apply_settling(session: Session, application: Application) -> dict[str, Any]:
    """As ``apply``, but wait a little for a namespace or definition that was created a moment ago."""
    waited = 0.0
    while True:
        try:
            return await apply(session, application)
        except ApiError as error:
            # A 404 to an apply says that the namespace or the kind is not there; one apiserver may know it before
            # another.
            if not error.not_found or waited >= _SETTLING_TIME:
                raise
            session.log.status(application.urn, f"waiting: {error.message}")
            await session.api.pause(0.5)
            waited += 0.5


async def relinquish(session: Session, endpoint: Endpoint, namespace: str, name: str, manager: str, urn: str) -> None:
    """Give up all fields of a manager: those that nobody else owns are removed, the others stay. Nothing if it owns
    none."""
    path = endpoint.path(namespace, name)
    live = await session.api.find(path)
    if live is None or not applied_by(live, manager):
        return
    metadata = mapping_at(live, "metadata")
    # With the uid, an object deleted in this moment is not created anew, empty.
    identity = {"name": name, "uid": metadata["uid"]} | ({"namespace": namespace} if endpoint.namespaced else {})
    empty = {"apiVersion": endpoint.kind.api_version, "kind": endpoint.kind.kind, "metadata": identity}
    parameters = {"fieldManager": manager, "force": "true"}
    try:
        await session.api.request("PATCH", path, parameters, empty, APPLY, on_warning=_warner(session, urn))
    except ApiError as error:
        if not error.not_found and not (error.code == 409 and not error.field_conflict):
            raise


def _warner(session: Session, urn: str) -> Callable[[str], None]:
    def warn(text: str) -> None:
        if not (session.configuration.suppress_deprecation_warnings and _DEPRECATION.search(text)):
            session.log.warning(urn, text)

    return warn
