"""Keeps secrets out of every text that leaves the provider: errors of the API server, events, log lines.

The API server quotes values in its validation errors, and a container may print a password it was given. Every secret
that passes through the plugin is remembered for the life of the process and replaced wherever it turns up, also in
base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final, cast

from .properties import Property, Secret, Unknown, mapping_at, plain

MASK: Final = "[secret]"
# Shorter values are words like "true" or "80" that occur in every text; masking them hides more than it protects.
_SHORTEST: Final = 4
# The fields of a registry's client configuration that hold credentials (the others are host and user names).
_CREDENTIAL_FIELDS: Final = frozenset({"password", "auth", "identitytoken", "registrytoken"})


class Redactor:
    """Remembers secret texts and masks them. Not thread-safe: one event loop uses it."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: Property) -> None:
        """Remember every secret in a property value, and the data of an object of kind Secret."""
        if isinstance(value, Secret):
            self._remember(plain(value))
        elif isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            if fields.get("kind") == "Secret":
                self._learn_secret_object(fields)
            for item in fields.values():
                self.learn(item)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                self.learn(item)

    def redact(self, text: str) -> str:
        """The text with every remembered secret replaced by ``[secret]``."""
        if not self._texts:
            return text
        if self._pattern is None:
            # Longest first: a secret that contains another is to vanish whole.
            ordered = sorted(self._texts, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(item) for item in ordered))
        return self._pattern.sub(MASK, text)

    def _learn_secret_object(self, fields: dict[str, Any]) -> None:
        for item in mapping_at(fields, "stringData").values():
            self._remember(plain(item))
        for item in mapping_at(fields, "data").values():
            text = plain(item)
            self._remember(text)
            if isinstance(text, str) and (decoded := _decode(text)) is not None:
                self._remember(decoded)

    def _remember(self, value: Property) -> None:
        if isinstance(value, dict):
            for item in cast("dict[str, Any]", value).values():
                self._remember(item)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                self._remember(item)
        elif isinstance(value, str):
            self._remember_text(value)
        elif isinstance(value, int | float) and not isinstance(value, bool | Unknown):
            self._remember_text(str(value))

    def _remember_text(self, text: str) -> None:
        stripped = text.strip()
        if len(stripped) < _SHORTEST:
            return
        forms = {stripped, json.dumps(text)[1:-1], base64.b64encode(text.encode()).decode()}
        # Logs and diffs go line by line.
        forms.update(line.strip() for line in stripped.splitlines() if len(line.strip()) >= 2 * _SHORTEST)
        forms.update(_credentials(stripped))
        if not forms <= self._texts:
            self._texts |= forms
            self._pattern = None


def _decode(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _credentials(text: str) -> set[str]:
    """Passwords inside a JSON document such as ``.dockerconfigjson``."""
    if not text.startswith("{"):
        return set()
    try:
        document = json.loads(text)
    except ValueError:
        return set()
    found: set[str] = set()

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in cast("dict[str, Any]", value).items():
                if isinstance(item, str) and key.lower() in _CREDENTIAL_FIELDS and len(item) >= _SHORTEST:
                    found.add(item)
                    found.add(base64.b64encode(item.encode()).decode())
                    password = (_decode(item) or "").partition(":")[2] if key.lower() == "auth" else ""
                    if len(password) >= _SHORTEST:
                        found.add(password)
                else:
                    visit(item)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                visit(item)

    visit(document)
    return found
