"""Previews that the real CLI has made (``make record-previews``), read as the pipelines give them to the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from report.preview import StackPreview, read_preview
from report.sources import Sources
from report.summary import StackReport, summarize

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str, stack: str = "prod") -> StackPreview:
    """With event log and exit status."""
    place = RECORDED / name
    status = (place / "status").read_text().strip()
    events = [f"{stack}={place / 'events.json'}"] if (place / "events.json").stat().st_size else []
    sources = Sources([f"{stack}={place / 'preview.json'}"], events, [f"{stack}={status}"])
    return sources.read(sources.previews[0])


def alone(name: str) -> StackPreview:
    """The object of ``--json`` and nothing else."""
    return read_preview((RECORDED / name / "preview.json").read_bytes(), f"{name}.json", "prod")


def document(name: str) -> dict[str, Any]:
    """The object of ``--json``, to be changed."""
    return json.loads((RECORDED / name / "preview.json").read_bytes())


def several_stacks() -> list[StackReport]:
    """A first deployment, a changed stack, and one in which nothing changes."""
    stacks = {"dev": "dev", "test": "test", "prod": "unchanged"}
    return [summarize(recorded(name, stack)) for stack, name in stacks.items()]
