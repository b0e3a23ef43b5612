"""moto in this process, and a journal that makes what it keeps outlive the process."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from moto.ecr.models import ecr_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingTypeStubs]
    DomainDispatcherApplication,
    create_backend_app,
)
from moto.sts.models import sts_backends
from werkzeug.test import Client

from rehearsal.emulators.aws.calls import HttpRequest

_BACKENDS = (ecr_backends, eks_backends, iam_backends, sts_backends)
_OUTER = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})


class Moto:
    """moto's server application, called without a socket. ``account`` is empty at first, whatever this process had of it.

    Identifiers that it makes up are reproducible: each change is made under its own seed, so that playing the journal again
    gives the same role ids and access keys as the first time.
    """

    def __init__(self, account: str, region: str) -> None:
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        self._account, self._region = account, region
        self._client = Client(cast("Any", DomainDispatcherApplication(create_backend_app)))
        with LOCK:
            for backends in _BACKENDS:
                backends.pop(account, None)

    def send(self, http: HttpRequest, service: str, seed: int | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body."""
        if seed is not None:
            mock_random.seed(seed)
        headers = {key: value for key, value in http.headers.items() if key not in _OUTER}
        answer = self._client.open(
            http.path,
            base_url=f"https://{service}.{self._region}.amazonaws.com",
            query_string=http.query,
            method=http.method,
            data=http.body,
            headers={**headers, "x-moto-account-id": self._account},
        )
        found = {
            k.lower(): v for k, v in answer.headers.items() if k.lower() not in ("content-length", "server", "date")
        }
        return answer.status_code, found, answer.get_data()


class Journal:
    """Requests that changed something, one JSON line each, readable by their owner only.

    Not one line holds a secret: what an account's keys are is made up by moto and follows from the seed. A random number kept
    beside the journal goes into each seed, so that no two rehearsals have the same keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = path.with_suffix(".salt")
        if not salt.exists():
            with os.fdopen(os.open(salt, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(16))
        self._salt = int.from_bytes(salt.read_bytes())
        self._count = 0

    def seed(self) -> int:
        """The seed of the next change."""
        return self._salt ^ self._count

    def replay(self, apply: Callable[[HttpRequest, float], None]) -> int:
        """Apply every recorded request with the time at which it was made; the number of them."""
        if not self._path.exists():
            return 0
        for line in self._path.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                break  # the last line of a process that was killed while it wrote
            body = base64.b64decode(entry["body"])
            apply(HttpRequest(entry["method"], entry["path"], entry["query"], entry["headers"], body), entry["time"])
            self._count += 1
        return self._count

    def append(self, http: HttpRequest, at: float) -> None:
        entry = {
            "time": at,
            "method": http.method,
            "path": http.path,
            "query": http.query,
            "headers": dict(http.headers),
            "body": base64.b64encode(http.body).decode(),
        }
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps(entry) + "\n")
        self._count += 1


LOCK = threading.RLock()
"""Held while moto is called: its backends are one shared state, and a change's seed must not be used up by another."""
