"""The settings of the clouds' process: one JSON file, written by the sandbox, readable by its owner only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """``address`` is where the APIs and registries listen (ports 443 and, for admission reviews, 8443).

    ``authority`` and ``authority_key`` issue the certificates of the host names; ``api_server``, its authority and a client
    certificate lead to the cluster; ``issuer`` is what the cluster writes into its tokens. ``backend`` is the registry behind, with
    user and password; ``node_token`` is what a node proves itself with. ``propagation`` seconds pass before a
    change of an identity is seen. ``clouds`` maps a cloud's name to
    its own settings.
    """

    address: str
    data: str
    authority: str
    authority_key: str
    api_server: str
    api_server_authority: str
    client_certificate: str
    client_key: str
    issuer: str
    backend: str
    backend_user: str
    backend_password: str = field(repr=False)
    node_token: str = field(repr=False)
    propagation: float = 0.0
    clouds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @classmethod
    def of(cls, text: bytes) -> Settings:
        return cls(**json.loads(text))
