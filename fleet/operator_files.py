"""The operator's objects as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fleet.fleet_file import Fleet, Operator
from fleet.operator import foundation, stack_objects
from fleet.problems import FleetError, FleetProblem
from fleet.program import Registrations
from fleet.stack_files import MARK
from fleet.stacks import FleetStack
from fleet.yaml_text import yaml_documents

FOUNDATION = "00-foundation.yaml"
"""Sorts before the stacks, so that kubectl applies it first."""


def write_operator_files(
    fleet: Fleet,
    operator: Operator,
    stacks: Sequence[FleetStack],
    registered: Sequence[Registrations],
    directory: Path,
) -> int:
    """Writes the foundation and a file for each stack, and deletes those of stacks that are no more. Returns how many there are.

    Raises:
        FleetError: a file of such a name was not written by this command. Then nothing is written.
    """
    files = {FOUNDATION: foundation(fleet, operator, stacks, registered)}
    for index, stack in enumerate(stacks):
        files[f"{stack.name}.yaml"] = stack_objects(fleet, operator, stacks, index)
    old = sorted(directory.glob("*.yaml"))
    foreign = [path for path in old if not path.read_text(encoding="utf-8").startswith(MARK)]
    if foreign:
        raise FleetError(
            FleetProblem(
                str(path),
                "this file was not written by mendix-registry-fleet",
                "the fleet file decides what is in the directory, and nothing else can be in it",
                "move it away, or name another directory with --output",
            )
            for path in foreign
        )
    directory.mkdir(parents=True, exist_ok=True)
    for name, objects in files.items():
        (directory / name).write_text(f"{MARK}.\n{yaml_documents(objects)}", encoding="utf-8")
    for path in old:
        # Whoever prunes sees the Stack go; its resources stay (destroyOnFinalize is false).
        if path.name not in files:
            path.unlink()
    return len(files)
