"""The events that Pulumi's CLI writes beside its display (``--event-log``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast


def events(log: Path) -> Iterator[dict[str, Any]]:
    """One JSON object a line; none where there is no log. A line that a killed CLI has cut off ends it."""
    if not log.is_file():
        return
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield cast("dict[str, Any]", json.loads(line))
            except ValueError:
                return


def plain(message: str) -> str:
    """A message without the CLI's colour tags (``<{%reset%}>``)."""
    return re.sub(r"<\{%[^%]*%\}>", "", message).strip()
