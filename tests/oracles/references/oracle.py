"""Asks Go's own template engine and go-containerregistry's own parser (``main.go`` beside this file) about image names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.oracles.go_program import built

HERE = Path(__file__).parent


def ask(program: Path, questions: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """One answer for each question (``template``, ``values``, ``host``); ``main.go`` says what is in it."""
    asked = json.dumps(list(questions))
    done = subprocess.run([program], input=asked, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def build() -> Path:
    return built(HERE, "references-oracle", "go-containerregistry's parser")
