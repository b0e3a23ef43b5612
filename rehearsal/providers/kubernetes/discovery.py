"""Where objects of a kind live in the API: plural, scope, subresources, as the API server itself says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from .api import Api
from .errors import ApiError, KubernetesError
from .kinds import Kind
from .properties import objects_at

# A CustomResourceDefinition is served a moment after it is established, by one API server before another.
SETTLING_TIME: Final = 10.0


class UnknownKindError(KubernetesError):
    """The API server does not serve the kind."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The API's address of a kind. ``has_status``: it has a status subresource, so a controller fills in ``status``."""

    kind: Kind
    plural: str
    namespaced: bool
    has_status: bool

    def path(self, namespace: str, name: str = "") -> str:
        """URL path of one object, or of the collection where the name is empty."""
        base = f"/apis/{self.kind.group}/{self.kind.version}" if self.kind.group else f"/api/{self.kind.version}"
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{base}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Discovery:
    """Remembers what one API server serves, group version by group version; asks again for what it does not find."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._versions: dict[tuple[str, str], dict[str, Endpoint]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, kind: Kind) -> Endpoint | None:
        """The endpoint of a kind, or None if the server does not serve it (asked afresh on a miss)."""
        key = (kind.group, kind.version)
        known = self._versions.get(key, {}).get(kind.kind)
        if known is not None:
            return known
        async with self._locks.setdefault(key, asyncio.Lock()):
            known = self._versions.get(key, {}).get(kind.kind)
            if known is None:
                self._versions[key] = await self._ask(kind)
                known = self._versions[key].get(kind.kind)
        return known

    async def require(
        self, kind: Kind, on_wait: Callable[[str], None] | None = None, patience: float = SETTLING_TIME
    ) -> Endpoint:
        """The endpoint of a kind, waiting ``patience`` seconds for a definition that is only being established.

        Raises UnknownKindError.
        """
        # What Kubernetes itself serves is there from the start or never; only definitions come later.
        deadline = time.monotonic() + (0.0 if kind.built_in else patience)
        while (found := await self.find(kind)) is None:
            if time.monotonic() >= deadline:
                raise UnknownKindError(await self._explain(kind))
            if on_wait is not None:
                on_wait(f"waiting for the API server to serve {kind}")
            await self._api.pause(0.3)
        return found

    def forget(self, group: str) -> None:
        """Ask again next time: a definition of that group has changed."""
        for key in [key for key in self._versions if key[0] == group]:
            del self._versions[key]

    async def _ask(self, kind: Kind) -> dict[str, Endpoint]:
        path = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        try:
            document = await self._api.get(path)
        except ApiError as error:
            if error.not_found:
                return {}
            raise
        resources: list[dict[str, Any]] = document.get("resources") or []
        names = {item["name"] for item in resources}
        return {
            item["kind"]: Endpoint(
                Kind(kind.group, kind.version, item["kind"]),
                item["name"],
                bool(item["namespaced"]),
                f"{item['name']}/status" in names,
            )
            for item in resources
            if "/" not in item["name"]
        }

    async def _explain(self, kind: Kind) -> str:
        served = sorted(self._versions.get((kind.group, kind.version), {}))
        if served:
            similar = [name for name in served if name.lower().startswith(kind.kind[:3].lower())] or served[:8]
            return (
                f"the API server serves {kind.api_version} but no kind {kind.kind!r} in it (similar: "
                f"{', '.join(similar)}). "
                "Kinds are written in the singular and in CamelCase; check apiVersion and kind."
            )
        versions = await self._group_versions(kind.group)
        if versions:
            return f"the API server does not serve {kind.api_version}; of that group it serves "
            f"{', '.join(versions)}. Use one of these."
        return (
            f"the API server does not serve {kind} (no group {kind.group!r}). If it is a custom resource, its "
            "CustomResourceDefinition must be installed first: install the operator, or make this resource "
            "depend on the definition."
        )

    async def _group_versions(self, group: str) -> list[str]:
        if not group:
            return ["v1"]
        found = await self._api.find(f"/apis/{group}")
        return [str(item["groupVersion"]) for item in objects_at(found, "versions")]
