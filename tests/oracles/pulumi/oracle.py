"""Asks Pulumi's own Go code (``main.go`` beside this file) about Pulumi's formats."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.oracles.go_program import built

HERE = Path(__file__).parent


def _number(digits: str) -> int | float:
    """Go has doubles only, and writes a large one as the shortest integer literal that reads back as the same double."""
    return int(digits) if abs(int(digits)) <= 2**53 else float(digits)


class PulumiOracle:
    """The built program. ``ask`` raises ``RefusedError`` with Pulumi's own words where it says no."""

    class RefusedError(Exception):
        pass

    def __init__(self, program: Path) -> None:
        self._program = program

    def ask(self, question: str, **details: Any) -> Any:
        asked = json.dumps({"ask": question, **details})
        done = subprocess.run([self._program], input=asked, capture_output=True, text=True, check=True, timeout=60)
        answer = json.loads(done.stdout, parse_int=_number)
        if isinstance(answer, dict) and set(answer) == {"error"}:
            raise self.RefusedError(answer["error"])
        return answer


def build() -> PulumiOracle:
    return PulumiOracle(built(HERE, "pulumi-oracle", "Pulumi's own reader of states"))
