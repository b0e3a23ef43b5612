"""A policy sees secrets in plain text, as with the CLI; what it says is shown. So its words are searched for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from rehearsal.engine.properties import BLIND, Properties, is_secret, reveal
from rehearsal.engine.state import ResourceState

_SHORTEST = 4
"""A shorter secret would blank out parts of ordinary words."""


def redacted(message: str, state: ResourceState | None) -> str:
    """The message without any secret of the resource it is about."""
    if state is None:
        return message
    found = {text for text in (*_secrets(state.inputs), *_secrets(state.outputs)) if len(text) >= _SHORTEST}
    # The longest first: a secret may hold another.
    for text in sorted(found, key=len, reverse=True):
        message = message.replace(text, BLIND)
    return message


def _secrets(value: Any) -> Iterator[str]:
    if is_secret(value):
        yield from _texts(reveal(value))
    elif isinstance(value, dict):
        for item in cast("Properties", value).values():
            yield from _secrets(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _secrets(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("Properties", value).values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _texts(item)
