"""The cluster's API server as OpenShift's registry and controllers use it."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, cast

import httpx

from rehearsal.emulators.admission import Object
from rehearsal.emulators.settings import Settings

_MERGE = "application/merge-patch+json"
_WATCH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class User:
    """Who a token belongs to, as the API server reports."""

    name: str
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller asks for: a verb on a resource of the group ``image.openshift.io``. Without a namespace: in the
    whole cluster."""

    verb: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        named = f' "{self.name}"' if self.name else ""
        where = f"in the namespace {self.namespace}" if self.namespace else "in the cluster"
        return f"{self.verb} {what}{named} in API group image.openshift.io {where}"


class Reviewer(Protocol):
    """The two questions that the registry asks the API server."""

    async def review_token(self, token: str) -> User | str:
        """Whose token it is, or the API server's reason why it is not valid. Raises httpx.HTTPError."""
        ...

    async def review_access(self, user: User, access: Access) -> tuple[bool, str]:
        """Whether RBAC allows it, and its reason. Raises httpx.HTTPError."""
        ...


class PlatformApi:
    """Satisfies :class:`Reviewer`; also what the controllers read and write. Each call raises httpx.HTTPError."""

    def __init__(self, settings: Settings) -> None:
        context = ssl.create_default_context(cafile=settings.api_server_authority)
        context.load_cert_chain(settings.client_certificate, settings.client_key)
        timeout = httpx.Timeout(10, read=_WATCH_SECONDS + 30)
        self._client = httpx.AsyncClient(base_url=settings.api_server, verify=context, timeout=timeout, trust_env=False)

    async def review_token(self, token: str) -> User | str:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        answer = await self.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
        status = answer.get("status", {})
        if not status.get("authenticated"):
            return str(status.get("error") or "the API server does not know the token")
        found: Object = status["user"]
        return User(found["username"], found.get("groups", []), found.get("uid", ""), found.get("extra", {}))

    async def review_access(self, user: User, access: Access) -> tuple[bool, str]:
        attributes = {
            "namespace": access.namespace,
            "verb": access.verb,
            "group": "image.openshift.io",
            "resource": access.resource,
            "subresource": access.subresource,
            "name": access.name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user.name,
                "groups": list(user.groups),
                "uid": user.uid,
                "extra": dict(user.extra),
                "resourceAttributes": attributes,
            },
        }
        status = (await self.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review))["status"]
        return bool(status.get("allowed")), str(status.get("reason", ""))

    async def get(self, path: str) -> Object | None:
        """None where there is none."""
        answer = await self._client.get(path)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        answer.raise_for_status()
        return cast("Object", answer.json())

    async def create(self, path: str, document: Mapping[str, Any]) -> Object:
        answer = await self._client.post(path, json=document)
        answer.raise_for_status()
        return cast("Object", answer.json())

    async def create_if_missing(self, path: str, document: Mapping[str, Any]) -> None:
        """Create in a collection; what is there under that name stays as it is."""
        answer = await self._client.post(path, json=document)
        if answer.status_code != HTTPStatus.CONFLICT:
            answer.raise_for_status()

    async def patch(self, path: str, document: Mapping[str, Any]) -> None:
        """Change an object by a merge patch; one that is gone meanwhile is left so."""
        answer = await self._client.patch(path, content=json.dumps(document), headers={"content-type": _MERGE})
        if answer.status_code != HTTPStatus.NOT_FOUND:
            answer.raise_for_status()

    async def delete(self, path: str) -> None:
        """Delete an object; one that is gone already is no error."""
        answer = await self._client.delete(path)
        if answer.status_code != HTTPStatus.NOT_FOUND:
            answer.raise_for_status()

    async def objects(self, path: str) -> AsyncIterator[Object]:
        """Every object of a collection, then each that is made or changed, for some minutes."""
        answer = await self._client.get(path)
        answer.raise_for_status()
        listed = answer.json()
        for item in listed["items"]:
            yield item
        parameters = {
            "watch": "true",
            "resourceVersion": listed["metadata"]["resourceVersion"],
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        async with self._client.stream("GET", path, params=parameters) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
