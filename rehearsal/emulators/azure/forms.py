"""Bodies of OAuth requests."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of an ``application/x-www-form-urlencoded`` body."""
    content = await request.body()
    return dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))
