"""Builds ``actionlint``, the linter of GitHub's workflows, from its Go module."""

from __future__ import annotations

from pathlib import Path

from tests.oracles.go_program import built

HERE = Path(__file__).parent


def build() -> Path:
    return built(HERE, "actionlint", "actionlint")
