"""Temporary credentials that the token services have issued, and who signs with which key."""

from __future__ import annotations

import base64
import os
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rehearsal.emulators.aws.policy import Document, Principal

OPERATOR_KEY, OPERATOR_SECRET = "AKIAREHEARSALOPERATOR", "rehearsal-operator"
"""What the deploying identity signs with. It may do everything, as an administrator may."""

_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Session:
    """A role assumed for some time. ``context`` are request context keys that it carries (principal tags)."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    role_arn: str
    role_id: str
    name: str
    expires: float
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    policy: Document | None = None
    """A session policy, which the session's permissions must be within."""

    @property
    def arn(self) -> str:
        """``arn:…:sts::ACCOUNT:assumed-role/ROLE/SESSION``."""
        parts = self.role_arn.split(":")
        return f"arn:{parts[1]}:sts::{parts[4]}:assumed-role/{parts[5].rpartition('/')[2]}/{self.name}"

    @property
    def principal(self) -> Principal:
        account = self.role_arn.split(":")[4]
        root = f"arn:{self.role_arn.split(':')[1]}:iam::{account}:root"
        return Principal("AWS", (self.arn, self.role_arn, root, account))

    @property
    def expiration(self) -> str:
        return datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Sessions:
    """Those issued since the process started: a restart ends them, and clients ask again."""

    def __init__(self) -> None:
        self._by_key: dict[str, Session] = {}

    def issue(
        self,
        role_arn: str,
        role_id: str,
        name: str,
        seconds: float,
        context: Mapping[str, str] | None = None,
        policy: Document | None = None,
    ) -> Session:
        now = time.time()
        self._by_key = {key: item for key, item in self._by_key.items() if item.expires > now - 3600}
        key = "ASIA" + "".join(secrets.choice(_LETTERS) for _ in range(16))
        secret, token = secrets.token_urlsafe(30), base64.b64encode(os.urandom(96)).decode()
        session = Session(key, secret, token, role_arn, role_id, name, now + seconds, dict(context or {}), policy)
        self._by_key[key] = session
        return session

    def find(self, access_key: str) -> Session | None:
        return self._by_key.get(access_key)
