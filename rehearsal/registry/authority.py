"""The question that a registry asks a cloud at each request, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Action: TypeAlias = Literal[
    "ping",
    "read-manifest",
    "write-manifest",
    "delete-manifest",
    "list-tags",
    "stat-blob",
    "read-blob",
    "start-upload",
    "write-upload",
    "finish-upload",
    "delete-blob",
    "other",
]


@dataclass(frozen=True, slots=True)
class RegistryRequest:
    """One request of the OCI distribution API. ``reference`` is the tag or digest of a manifest; ``mount_from`` the repository of a
    cross-repository mount; ``authorization`` the header, empty without one. ``reached`` is by what name and port the client came
    here, which is no name of the registry's where a node's runtime uses it as a mirror by address."""

    host: str
    action: Action
    repository: str = ""
    reference: str = ""
    mount_from: str = ""
    authorization: str = ""
    reached: str = ""

    def realm(self, path: str) -> str:
        """The URL of a token realm at ``path`` of this registry that the client can reach."""
        by_name = self.reached.partition(":")[0] in ("", self.host)
        return f"https://{self.reached or self.host}{path}" + ("" if by_name else f"?ns={self.host}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The request may pass. ``storage`` is the repository's name in the registry behind."""

    storage: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer in the cloud's own words: HTTP status, the distribution API's error code, its message, further headers
    (``WWW-Authenticate``)."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Authority(Protocol):
    """A cloud's decision about requests to its registries."""

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused: ...

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        """Asked before a manifest is stored: tag immutability and other rules of the cloud's own."""

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        """Called after the registry has stored a manifest."""
