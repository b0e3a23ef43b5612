"""The programs in docs/components.md: someone will paste them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

import mendix_registry
from tests.components.program import run

PAGE = (Path(__file__).parents[2] / "docs" / "components.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    "source", PROGRAMS, ids=lambda source: re.findall(r"from mendix_registry import (.+)", source)[0]
)
def test_the_pages_programs_run(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "a-password")
    monkeypatch.setattr(pulumi, "export", lambda name, value: None)

    def program() -> Any:
        exec(compile(source, "docs/components.md", "exec"), {})  # noqa: S102 - the page is this repository's own

    arns = {
        "aws:ecr/repository:Repository": lambda args: {
            "arn": f"arn:aws:ecr:eu-west-1:123456789012:repository/{args.name}"
        }
    }
    assert len(run(program, answers=arns).registered) > 4


def test_the_page_names_every_public_component() -> None:
    for name in mendix_registry.__all__:
        assert name.endswith("Args") or f"`{name}`" in PAGE, name
