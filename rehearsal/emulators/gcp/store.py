"""What the emulator keeps: repositories, service accounts, policies with their past, tags. One JSON document, written at each
change."""

from __future__ import annotations

import base64
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

Object: TypeAlias = dict[str, Any]
_PARTS = ("repositories", "accounts", "policies", "tags")
_KEPT_SECONDS = 3600.0


class Store:
    """Safe for several threads: what reads and then writes does so inside ``changing``.

    ``propagation`` seconds pass before decisions see a change of a policy
    (cloud.google.com/iam/docs/access-change-propagation: typically two minutes, potentially seven or more).
    """

    def __init__(self, path: Path, propagation: float = 0.0, now: Callable[[], float] = time.time) -> None:
        self.propagation = propagation
        self.now = now
        self._path = path
        self._lock = threading.RLock()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._document: Object = {part: {} for part in _PARTS}
        if path.exists():
            self._document |= json.loads(path.read_text())

    @contextmanager
    def changing(self) -> Generator[None]:
        """No one else reads or writes meanwhile; at a good end everything is on disk."""
        with self._lock:
            yield
            self._write()

    @property
    def repositories(self) -> dict[str, Object]:
        """By full name; each as the API gives it."""
        return cast("dict[str, Object]", self._document["repositories"])

    @property
    def accounts(self) -> dict[str, Object]:
        """By e-mail address; each as the API gives it."""
        return cast("dict[str, Object]", self._document["accounts"])

    @property
    def tags(self) -> dict[str, dict[str, str]]:
        """Digests by ``IMAGE:TAG``, by repository."""
        return cast("dict[str, dict[str, str]]", self._document["tags"])

    def policy(self, resource: str) -> Object:
        """The policy as it was last set, as the API gives it."""
        with self._lock:
            versions = self._versions(resource)
            return json.loads(json.dumps(versions[-1]["policy"])) if versions else {"etag": "ACAB"}

    def seen_policy(self, resource: str) -> Object:
        """The policy as decisions see it by now."""
        with self._lock:
            seen = [item for item in self._versions(resource) if item["at"] <= self.now() - self.propagation]
            return cast("Object", seen[-1]["policy"]) if seen else {}

    def set_policy(self, resource: str, bindings: list[Object], version: int) -> Object:
        with self.changing():
            policy: Object = {"version": version, "etag": _etag(), "bindings": bindings}
            limit = self.now() - max(_KEPT_SECONDS, 2 * self.propagation)
            versions = self._versions(resource)
            recent = [item for item in versions if item["at"] > limit]
            # The newest of the old ones is what holds until the first of the recent ones does.
            kept = versions[len(versions) - len(recent) - 1 :][:1] if len(versions) > len(recent) else []
            policies = cast("dict[str, list[Object]]", self._document["policies"])
            policies[resource] = [*kept, *recent, {"at": self.now(), "policy": policy}]
            return policy

    def drop_policy(self, resource: str) -> None:
        cast("dict[str, list[Object]]", self._document["policies"]).pop(resource, None)

    def rename_member(self, old: str, new: str) -> None:
        """Policies of all resources name ``old`` as ``new`` from now on, as they do when a service account is deleted."""
        for versions in cast("dict[str, list[Object]]", self._document["policies"]).values():
            for version in versions:
                for binding in version["policy"].get("bindings", []):
                    binding["members"] = [new if member == old else member for member in binding["members"]]

    def _versions(self, resource: str) -> list[Object]:
        return cast("dict[str, list[Object]]", self._document["policies"]).get(resource, [])

    def _write(self) -> None:
        made = self._path.with_suffix(".new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._document, file, indent=1)
        made.replace(self._path)


def _etag() -> str:
    return base64.b64encode(secrets.token_bytes(8)).decode()
