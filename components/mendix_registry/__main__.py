"""The command ``mendix-registry check|describe --stack S``: a stack file without Pulumi, a cluster or a cloud.

``check`` prints every problem with its line, ``describe`` what the file means, also where a variable that it reads is not set: what
hangs on it is null, and the variable stands among the prerequisites as missing. Exit status: 0 nothing is wrong (warnings may be
printed), 1 something is, 2 there is no such stack file, or it is not YAML.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from mendix_registry.settings.problems import Problem, Severity
from mendix_registry.settings.values import Variables
from mendix_registry.stack_file.description import describe
from mendix_registry.stack_file.file import UNSET_VARIABLE, StackFile, StackFileError, load
from mendix_registry.stack_file.reading import Reading


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        file = load(chosen.stack, Path.cwd())
    except StackFileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    variables = Variables(os.environ)
    reading, problems = file.check(variables)
    if chosen.command == "check":
        return _check(file, problems, as_json=chosen.json)
    return _describe(file, reading, problems, variables)


def _check(file: StackFile, problems: Sequence[Problem], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"file": str(file.path), "problems": [_entry(file, each) for each in problems]}, indent=2))
    else:
        _print(file, problems, sys.stdout)
    return int(any(problem.severity is Severity.ERROR for problem in problems))


def _describe(file: StackFile, reading: Reading | None, problems: Sequence[Problem], variables: Variables) -> int:
    wrong = [problem for problem in problems if problem.rule is not UNSET_VARIABLE]
    if any(problem.severity is Severity.ERROR for problem in wrong):
        _print(file, wrong, sys.stderr)
        return 1
    if len(wrong) < len(problems):
        reading, _ = file.check(variables, unknown=True)
    if reading is None:
        print(
            f"error: {file.path} has an encrypted value where a name or host is needed. Only Pulumi can read it.",
            file=sys.stderr,
        )
        return 1
    described = describe(reading.settings, file.stack, variables.asked, file.values)
    print(json.dumps({"stack": file.stack, "file": str(file.path), **described}, indent=2))
    return 0


def _print(file: StackFile, problems: Sequence[Problem], stream: TextIO) -> None:
    for problem in problems:
        place = file.place(problem.location)
        print(f"{file.path}:{place.line}:{place.column}: {problem.severity}\n{problem}\n", file=stream)
    print(_summary(file, problems), file=stream)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mendix-registry", description="Reads a stack file without Pulumi.")
    commands = parser.add_subparsers(title="Commands", dest="command", required=True)
    check = commands.add_parser("check", help="print every problem of the stack file")
    check.add_argument("--json", action="store_true", help="print one JSON object, for editors and pipelines")
    commands.add_parser("describe", help="print what the stack file means, as one JSON object")
    for command in commands.choices.values():
        command.add_argument("--stack", required=True, help="the stack, whose file is Pulumi.STACK.yaml")
    return parser


def _entry(file: StackFile, problem: Problem) -> dict[str, str | int]:
    place = file.place(problem.location)
    return {
        "rule": problem.rule.id,
        "path": problem.path,
        "line": place.line,
        "column": place.column,
        "severity": str(problem.severity),
        "what": problem.what,
        "why": problem.why,
        "do": problem.remedy,
    }


def _summary(file: StackFile, problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    return f"{file.path}: {errors} error{'s' if errors != 1 else ''}, {warnings} warning{'s' if warnings != 1 else ''}."


if __name__ == "__main__":
    sys.exit(main())
