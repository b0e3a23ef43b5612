"""Labels are judged as the API server judges them, by the tables of Kubernetes' own tests."""

from __future__ import annotations

import re

from pydantic import TypeAdapter, ValidationError

from mendix_registry.settings.labels import Labels
from tests.go_modules import go_function

_STRING = re.compile(r'strings\.Repeat\("(?P<text>.)", (?P<count>\d+)\)|"(?P<plain>(?:[^"\\]|\\.)*)"')


def table(function: str) -> list[tuple[str, bool]]:
    """Successes and failures of a test of ``k8s.io/apimachinery/pkg/util/validation``."""
    body = go_function("k8s.io/apimachinery", "pkg/util/validation/validation_test.go", function)
    cases: list[tuple[str, bool]] = []
    for name, good in (("successCases", True), ("errorCases", False)):
        rows = re.search(rf"{name} := \[\]string{{\n(.*?)\n\t}}", body, re.DOTALL)
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


def test_keys_are_checked_as_in_kubernetes_own_tests() -> None:
    cases = table("TestIsQualifiedName")
    assert len(cases) > 20 and {good for _, good in cases} == {True, False}
    assert [(key, accepted({key: "x"})) for key, _ in cases] == cases


def test_values_are_checked_as_in_kubernetes_own_tests() -> None:
    cases = table("TestIsValidLabelValue")
    assert len(cases) > 12 and {good for _, good in cases} == {True, False}
    assert [(value, accepted({"x": value})) for value, _ in cases] == cases
