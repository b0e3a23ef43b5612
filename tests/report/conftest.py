"""Makes the previews that this room's tests share importable, and reports of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from report.preview import read_preview
from report.summary import StackReport, summarize

sys.path.insert(0, str(Path(__file__).parent))

Summarize: TypeAlias = Callable[[Sequence[dict[str, Any]]], list[StackReport]]


@pytest.fixture
def summaries() -> Summarize:
    """Reports of previews, read from their JSON as the command reads them."""
    return lambda documents: [
        summarize(read_preview(json.dumps(document).encode(), "preview.json")) for document in documents
    ]
