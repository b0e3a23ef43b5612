"""Previews: what the API server itself says would come of a create or update, by a dry run.

Where that cannot be asked (values that only the update knows, a kind or namespace that the same update creates, no
permission, no cluster) the preview shows the inputs, as pulumi-kubernetes does, and says so where the user could do
something about it.
"""

from __future__ import annotations

from typing import Any, Final, cast

from .apply import Application, apply, prepare
from .checkpoint import desired_object
from .discovery import Endpoint
from .errors import ApiError, ClusterUnavailableError, KubernetesError
from .messages import already_exists, describe_object, explain
from .operations import Request
from .ownership import applied_by, keep_ignored, managers
from .properties import UNKNOWN, Properties, has_unknown, mapping_at
from .session import Session

_SUFFIX: Final = "-preview"
_ASSIGNED: Final = ("uid", "resourceVersion", "creationTimestamp", "generation")
# Fields that the API server allocates: a dry run gives one value, the update another.
_ALLOCATED: Final = {
    ("", "Service"): (
        ("spec", "clusterIP"),
        ("spec", "clusterIPs"),
        ("spec", "healthCheckNodePort"),
        ("spec", "ports"),
    ),
}


class Previews:
    """Dry runs for one provider; remembers what has been said, so that a warning on the whole cluster comes once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: set[str] = set()

    async def create(self, request: Request) -> Properties | None:
        """The object that a create would make, with what only the create can know as unknown; None if it cannot be
        asked.

        Raises KubernetesError where the API server refuses the object.
        """
        application = await self._prepare(request)
        if application is None:
            return None
        try:
            existing = await self._session.api.find(application.path)
            if request.type.patch and existing is None:
                return None  # the same update may make the object that is to be patched
            if existing is not None and not request.type.patch and not self._may_use(existing, request):
                self._session.log.warning(
                    request.urn,
                    already_exists(describe_object(existing), managers(existing))
                    + ". (The same update may delete it first; then all is well.)",
                )
                return None
            result = await self._dry_run(application, replacing=existing is not None)
        except KubernetesError as error:
            return self._judge(error, request, application)
        if request.type.patch and existing is not None:
            return result
        return _without_fleeting(result, application.endpoint, application.document)

    async def update(self, request: Request) -> Properties | None:
        """The object as an update would leave it; None if it cannot be asked. Raises KubernetesError."""
        application = await self._prepare(request)
        if application is None:
            return None
        try:
            live = await self._session.api.find(application.path)
            if live is not None:
                keep_ignored(application.document, live, request.ignored, request.manager)
            elif request.type.patch:
                return None
            result = await apply(self._session, application, dry_run=True)
        except KubernetesError as error:
            return self._judge(error, request, application)
        return result if live is not None else _without_fleeting(result, application.endpoint, application.document)

    async def _prepare(self, request: Request) -> Application | None:
        if has_unknown(request.inputs):
            return None
        try:
            endpoint = await self._session.discovery.find(request.type.kind)
            if endpoint is None:
                return None  # the definition may be part of the same update
            document = desired_object(request.inputs)
            return prepare(self._session, request.urn, endpoint, document, request.inputs, request.manager)
        except ClusterUnavailableError as error:
            self._say_once(request.urn, f"{error} The preview shows the program's inputs only.")
            return None

    def _may_use(self, existing: dict[str, Any], request: Request) -> bool:
        return (
            applied_by(existing, request.manager)
            or self._session.configuration.upsert
            or bool(mapping_at(existing, "metadata").get("deletionTimestamp"))
        )

    async def _dry_run(self, application: Application, *, replacing: bool) -> dict[str, Any]:
        try:
            return await apply(self._session, application, dry_run=True)
        except ApiError as error:
            if not replacing or not error.immutable:
                raise
        # The object in place will have been deleted by then. Another name asks the API server about the new one alone.
        metadata = mapping_at(application.document, "metadata")
        name = application.name
        metadata["name"] = f"{name[: 63 - len(_SUFFIX)].rstrip('-.')}{_SUFFIX}"
        try:
            result = await apply(self._session, application, dry_run=True)
        finally:
            metadata["name"] = name
        mapping_at(result, "metadata")["name"] = name
        return result

    def _judge(self, error: KubernetesError, request: Request, application: Application) -> None:
        """Pass over errors that say nothing on the update; raise the others."""
        what = describe_object(application.document)
        if isinstance(error, ClusterUnavailableError):
            self._say_once(request.urn, f"{error} The preview shows the program's inputs only.")
            return
        if not isinstance(error, ApiError):
            raise error
        if error.not_found:
            return  # namespace or kind may be made by the same update
        if error.forbidden and "violates PodSecurity" not in error.message and "exceeded quota" not in error.message:
            self._say_once(
                request.urn,
                f"{what}: the API server does not allow this user a dry run ({error.message}), so the preview "
                "shows the program's "
                "inputs only. A dry run needs the same permission as the write: patch (and create) on this kind",
            )
            return
        if error.dry_run_refused:
            self._say_once(request.urn, f"{what}: {error.message}; the preview shows the program's inputs only")
            return
        raise KubernetesError(explain(error, what, request.manager)) from error

    def _say_once(self, urn: str, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._session.log.warning(urn, message)


def _without_fleeting(result: dict[str, Any], endpoint: Endpoint, document: dict[str, Any]) -> Properties:
    """A dry-run object with what the real create will give otherwise, or later, as unknown."""
    uid = str(mapping_at(result, "metadata").get("uid") or "")
    shown: Properties = _replace(result, uid) if uid else result
    metadata = mapping_at(shown, "metadata")
    for name in _ASSIGNED:
        metadata[name] = UNKNOWN
    if endpoint.has_status:
        shown["status"] = UNKNOWN
    for path in _ALLOCATED.get((endpoint.kind.group, endpoint.kind.kind), ()):
        parent, name = mapping_at(shown, *path[:-1]), path[-1]
        if name in parent and parent[name] != mapping_at(document, *path[:-1]).get(name):
            parent[name] = UNKNOWN
    return shown


def _replace(value: Any, uid: str) -> Any:
    """Labels and selectors of a Job quote its uid."""
    if isinstance(value, dict):
        return {key: _replace(item, uid) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        return [_replace(item, uid) for item in cast("list[Any]", value)]
    return UNKNOWN if value == uid else value
