"""Labels are judged as the API server judges them, by the tables of Kubernetes' own tests."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from components.configuration.labels import Labels

MODULE = Path(__file__).parents[3] / "rehearsal" / "toolchain" / "go" / "kubernetes"
_STRING = re.compile(r'strings\.Repeat\("(?P<text>.)", (?P<count>\d+)\)|"(?P<plain>(?:[^"\\]|\\.)*)"')


def table(function: str) -> list[tuple[str, bool]]:
    """Successes and failures of a test of ``k8s.io/apimachinery/pkg/util/validation``, of the version that is rehearsed with."""
    version = re.search(r"k8s\.io/apimachinery (v\S+)", (MODULE / "go.mod").read_text())
    assert version
    try:
        cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        cache = str(Path.home() / "go" / "pkg" / "mod")
    path = Path(cache) / f"k8s.io/apimachinery@{version[1]}" / "pkg" / "util" / "validation" / "validation_test.go"
    if not path.exists():
        pytest.skip("the Go modules of Kubernetes are not on this machine; make up downloads them")
    body = re.search(rf"^func {function}\(.*?^}}", path.read_text(), re.MULTILINE | re.DOTALL)
    assert body
    cases: list[tuple[str, bool]] = []
    for name, good in (("successCases", True), ("errorCases", False)):
        rows = re.search(rf"{name} := \[\]string{{\n(.*?)\n\t}}", body[0], re.DOTALL)
        assert rows
        cases += [(_text(row), good) for row in rows[1].split("\n")]
    return cases


def _text(row: str) -> str:
    parts = [
        found["plain"].replace("\\\\", "\\") if found["plain"] is not None else found["text"] * int(found["count"])
        for found in _STRING.finditer(row.split("//")[0])
    ]
    return "".join(parts)


def accepted(labels: dict[str, str]) -> bool:
    try:
        TypeAdapter(Labels).validate_python(labels)
    except ValidationError:
        return False
    return True


def test_keys_are_judged_as_kubernetes_own_tests_say() -> None:
    cases = table("TestIsQualifiedName")
    assert len(cases) > 20 and {good for _, good in cases} == {True, False}
    assert [(key, accepted({key: "x"})) for key, _ in cases] == cases


def test_values_are_judged_as_kubernetes_own_tests_say() -> None:
    cases = table("TestIsValidLabelValue")
    assert len(cases) > 12 and {good for _, good in cases} == {True, False}
    assert [(value, accepted({"x": value})) for value, _ in cases] == cases
