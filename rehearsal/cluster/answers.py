"""Whether an HTTP server of the sandbox answers.

By the standard library: every command of ``rehearse`` asks, and to import a client such as httpx takes longer than to ask.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping

_SECONDS = 2.0

UNREACHABLE = (OSError, http.client.HTTPException)
"""What a request raises that gets no answer."""


def status(address: str, path: str, context: ssl.SSLContext | None, headers: Mapping[str, str]) -> int:
    """The status of a GET at ``address`` (host, or host and port), by https if ``context`` has whom to trust.

    Raises one of :data:`UNREACHABLE`.
    """
    if context is None:
        connection = http.client.HTTPConnection(address, timeout=_SECONDS)
    else:
        connection = http.client.HTTPSConnection(address, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", path, headers=dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def basic_authentication(username: str, password: str) -> dict[str, str]:
    """The header that logs ``username`` in."""
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
