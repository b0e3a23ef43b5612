"""Checks an ``imageNameTemplate`` by rendering it and reading the result as an image reference.

Mendix names five variables and nothing else of Go's template language; the Operator puts the pull (or push) URL, a
slash and the rendered template together. So a template is good if, for all values that the variables can have, host,
slash and result form an OCI reference. Values of the documented shape must render well, else the template is rejected;
values that only *could* come (a version with build metadata, with capitals, a very long one) give a warning that names
the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mendix_registry.settings.problems import Location, Problem, Rule, Severity, did_you_mean
from mendix_registry.settings.references import NAME_LENGTH, repository_fault, tag_fault

VARIABLES = ("Name", "Generation", "Version", "UnixTimestamp", "Timestamp")

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
# What Go's lexer takes for space, and no other (Python's \s includes more).
_VARIABLE = re.compile(r"[ \t\r\n]*\.([A-Za-z_][A-Za-z0-9_]*)[ \t\r\n]*")

_TYPICAL = {
    "Name": "pgv9gw71",
    "Generation": "3",
    "Version": "0.0.1.2",
    "UnixTimestamp": "1640615972.897",
    "Timestamp": "20211231.081224.789",
}

DOCUMENTED: tuple[dict[str, str], ...] = (
    _TYPICAL,
    # A namespaced object's name as long as a label, a generation as large as the API allows: ordinary to Kubernetes.
    _TYPICAL | {"Name": "a" + 61 * "-" + "z", "Generation": str(2**63 - 1), "UnixTimestamp": "9999999999.999999999"},
    _TYPICAL | {"Name": "a", "Generation": "1", "Version": "1"},
)
"""Sets of values of the shape that Mendix and Kubernetes document: a template must render well with each."""

HOSTILE: tuple[tuple[str, dict[str, str]], ...] = (
    ("a version with build metadata, 1.0.0+7", _TYPICAL | {"Version": "1.0.0+7"}),
    ("a version with capitals, 1.0.0-RC1", _TYPICAL | {"Version": "1.0.0-RC1"}),
    ("a version with a space, 1.0 beta", _TYPICAL | {"Version": "1.0 beta"}),
    ("an empty version", _TYPICAL | {"Version": ""}),
    ("a version of 120 characters", _TYPICAL | {"Version": 120 * "1"}),
    ("a version that ends with a dash, 1.0-", _TYPICAL | {"Version": "1.0-"}),
)
"""Values that the MendixApp's free ``sourceVersion`` could have."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template: the repository and the tag, None where it has none."""

    repository: str
    tag: str | None


def render(template: str, values: dict[str, str]) -> Rendered:
    """Renders ``template`` (only variables in it; see :func:`problems`) and splits the result at the tag's colon."""
    text = _ACTION.sub(lambda match: values[match.group(1).strip(" \t\r\n").removeprefix(".")], template)
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return Rendered(head + slash + name, tag if colon else None)


def repeats(template: str) -> bool:
    """Whether two builds of one app get the same image name: no variable in it changes from one to the next."""
    used = {match.group(1) for match in map(_VARIABLE.fullmatch, _ACTION.findall(template)) if match}
    return not used - {"Name"}


STK038 = Rule(
    "STK038",
    "'{{{{{action}}}}}' is more than a variable",
    "Mendix documents five variables and no functions, pipelines or conditions",
    "use only {variables}",
)
STK039 = Rule(
    "STK039",
    "{{{{.{name}}}}} is no variable of Mendix",
    "the Operator would fail to name the image",
    "{suggestion}",
)
STK040 = Rule(
    "STK040",
    "there is a brace that belongs to no variable",
    "it would become part of the image's name",
    "write Mendix's variables as {{{{.Name}}}}, and {{repository}} or {{namespace}} for this stack's own values",
)


def syntax_problems(template: str, at: Location) -> Iterator[Problem]:
    """What is wrong with the template before any value is put in."""
    for action in _ACTION.findall(template):
        match = _VARIABLE.fullmatch(action)
        if match is None:
            yield STK038.at(at, action=action, variables=", ".join(f"{{{{.{name}}}}}" for name in VARIABLES))
        elif match.group(1) not in VARIABLES:
            yield STK039.at(at, name=match.group(1), suggestion=did_you_mean(match.group(1), VARIABLES))
    rest = _ACTION.sub("", template)
    if "{" in rest or "}" in rest:
        yield STK040.at(at)


STK041 = Rule(
    "STK041",
    "it gives an image name that no registry accepts: {fault}",
    "every build's push would fail",
    "keep the variables after one colon, as in {{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}",
)
STK042 = Rule(
    "STK042",
    "it begins with {first!r}, which reads as a registry host",
    "the Operator puts the registry's host before it, so images would be {host}/{first}/…",
    "leave the host out of the template",
    Severity.WARNING,
)
STK043 = Rule(
    "STK043",
    "with {words} it gives an image name that no registry accepts: {fault}",
    "that app's build would fail when it pushes",
    "leave {{{{.Version}}}} out, or keep apps' versions to digits and dots",
    Severity.WARNING,
)


def problems(template: str, host: str, at: Location) -> Iterator[Problem]:
    """Everything wrong with ``template`` at ``host``; ``{repository}`` and ``{namespace}`` must be filled in
    already."""
    syntax = list(syntax_problems(template, at))
    if syntax:
        yield from syntax
        return
    for values in DOCUMENTED:
        fault = _fault(render(template, values), host)
        if fault:
            yield STK041.at(at, fault=fault)
            return
    first = template.split("/", 1)[0]
    if "/" in template and (first == "localhost" or "." in first or ":" in first) and "{" not in first:
        yield STK042.at(at, first=first, host=host)
    for words, values in HOSTILE:
        fault = _fault(render(template, values), host)
        if fault:
            yield STK043.at(at, words=words, fault=fault)
            return


def _fault(rendered: Rendered, host: str) -> str | None:
    fault = repository_fault(rendered.repository)
    if fault:
        return f"the repository {rendered.repository!r} {fault}"
    length = len(host) + 1 + len(rendered.repository)
    if length > NAME_LENGTH:
        return f"host and repository have {length} characters, at most {NAME_LENGTH} are allowed"
    if rendered.tag is not None:
        fault = tag_fault(rendered.tag)
        if fault:
            return f"the tag {rendered.tag!r} {fault}"
    return None
