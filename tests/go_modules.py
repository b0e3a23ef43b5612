"""Sources of Go modules that the rehearsal is built from, as oracles: the tables of their own tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

_GO_MOD = ROOT / "rehearsal" / "toolchain" / "go" / "kubernetes" / "go.mod"


def go_function(module: str, path: str, function: str) -> str:
    """The text of a function of a module, of the version that is rehearsed with. Skips where the module is not on this machine."""
    version = re.search(rf"^\s*{re.escape(module)} (v\S+)", _GO_MOD.read_text(), re.MULTILINE)
    assert version, module
    source = Path.home() / "go" / "pkg" / "mod" / f"{module}@{version[1]}" / path
    if not source.exists():
        pytest.skip(f"{module} is not in Go's module cache; make up downloads it")
    body = re.search(rf"^func {function}\(.*?^}}", source.read_text(), re.MULTILINE | re.DOTALL)
    assert body, function
    return body[0]
