"""Image name templates, judged beside Go's own template engine and go-containerregistry's own parser of references.

The values are hostile: whatever Kubernetes and Mendix allow in the five variables, not only what their examples show.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mendix_registry.settings.image_name_template import (
    DOCUMENTED,
    HOSTILE,
    VARIABLES,
    problems,
    render,
    syntax_problems,
)
from mendix_registry.settings.problems import Severity

ORACLE = Path(__file__).parents[2] / "oracles" / "references" / "oracle.py"
HOST = "registry.example.com:5000"
AT = ("operatorConfiguration", "imageNameTemplate")

Go = Callable[..., list[dict[str, str]]]


@pytest.fixture(scope="session")
def go() -> Go:
    """``go(template, *sets of values)``: an answer for each set."""
    spec = importlib.util.spec_from_file_location("references_oracle", ORACLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    program = module.build()

    def ask(template: str, *sets: Mapping[str, str]) -> list[dict[str, str]]:
        return module.ask(program, [{"template": template, "values": values, "host": HOST} for values in sets])

    return ask


many = settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

spaces = st.sampled_from(["", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003"])
variables = st.builds(
    lambda before, name, after: f"{{{{{before}.{name}{after}}}}}", spaces, st.sampled_from(VARIABLES), spaces
)
literals = st.sampled_from(
    [
        "apps",
        "mendix/",
        "/",
        ":",
        "-",
        "--",
        ".",
        "..",
        "_",
        "__",
        "___",
        "a",
        "A",
        "x9",
        "+",
        " ",
        "@",
        "latest",
        "localhost:5000/",
    ]
)
tricks = st.sampled_from(
    [
        "{",
        "}",
        "{{",
        "}}",
        "{{}}",
        "{{.}}",
        "{{-.Name}}",
        "{{- .Name -}}",
        "{{.name}}",
        "{{.Name.x}}",
        "{{Name}}",
        "{{$.Name}}",
    ]
) | st.sampled_from(
    [
        "{{/* c */}}",
        '{{"x"}}',
        "{{.Name | printf}}",
        "{{if .Name}}a{{end}}",
        "{{{.Name}}}",
        "{{.Nam\u00e9}}",
        "{{ .Name }",
    ]
)
anything = st.lists(st.one_of(variables, literals, tricks, st.text(max_size=3)), max_size=8).map("".join)
likely = st.lists(st.one_of(variables, literals), min_size=1, max_size=6).map("".join)
usual = st.builds(
    lambda path, tag: "/".join(path) + ("" if tag is None else f":{'-'.join(tag)}"),
    st.lists(st.one_of(variables, st.sampled_from(["apps", "a1", "mendix-apps"])), min_size=1, max_size=3),
    st.none() | st.lists(st.one_of(variables, st.sampled_from(["v1", "RC"])), min_size=1, max_size=3),
)

labels = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
documented_values = st.fixed_dictionaries(
    {
        "Name": labels,
        "Generation": st.integers(1, 2**63 - 1).map(str),
        "Version": st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,3}\Z"),
        "UnixTimestamp": st.from_regex(r"\A[1-9][0-9]{9}(\.[0-9]{1,9})?\Z"),
        "Timestamp": st.from_regex(r"\A20[0-9]{6}\.[0-2][0-9][0-5][0-9][0-5][0-9]\.[0-9]{3}\Z"),
    }
)
hostile_values = st.fixed_dictionaries(dict.fromkeys(VARIABLES, st.text(max_size=140)))


def errors(template: str) -> list[Any]:
    return [problem for problem in problems(template, HOST, AT) if problem.severity is Severity.ERROR]


@many
@given(template=st.one_of(anything, likely), values=st.one_of(documented_values, hostile_values))
def test_an_accepted_template_is_evaluated_as_in_go(go: Go, template: str, values: dict[str, str]) -> None:
    if any(syntax_problems(template, AT)):
        return
    [answer] = go(template, values)
    assert not answer["fault"], answer
    rendered = render(template, values)
    ours = rendered.repository + ("" if rendered.tag is None else f":{rendered.tag}")
    assert ours == answer["rendered"]


@many
@given(template=st.one_of(likely, usual), values=documented_values)
def test_an_accepted_template_names_an_image_for_every_app(go: Go, template: str, values: dict[str, str]) -> None:
    if errors(template):
        return
    for set_of_values, answer in zip((values, *DOCUMENTED), go(template, values, *DOCUMENTED), strict=True):
        assert not answer["reference"], answer
        rendered = render(template, set_of_values)
        assert (rendered.repository, rendered.tag or "none") == (answer["repository"], answer["tag"])


@many
@given(template=usual)
def test_a_template_without_warnings_stands_hostile_versions(go: Go, template: str) -> None:
    if any(problems(template, HOST, AT)):
        return
    hostile = [values for _, values in HOSTILE]
    assert [answer["reference"] for answer in go(template, *hostile)] == [""] * len(hostile)


@pytest.mark.parametrize(
    "template",
    [
        "{repository}:x",
        "apps:{{.Name}",
        "{{- .Name -}}",
        "apps:{{.name}}",
        "apps:{{.Name\u00a0}}",
        "a",
        ":x",
        "apps:",
        "Apps:x",
    ],
)
def test_what_no_build_can_push_is_an_error(template: str) -> None:
    assert errors(template)


@pytest.mark.parametrize(
    "template", ["apps:{{.Name}}-{{.Timestamp}}", "apps/{{ .Name }}:{{.Generation}}", "apps/{{.Name}}"]
)
def test_what_mendix_documents_is_good(go: Go, template: str) -> None:
    assert not list(problems(template, HOST, AT))
    assert [answer["reference"] for answer in go(template, *DOCUMENTED)] == ["", "", ""]
