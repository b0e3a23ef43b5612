"""The stack files of a fleet: their text, and what becomes of those that are there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from fleet.fleet_file import Fleet
from fleet.problems import FleetError, FleetProblem
from fleet.stacks import FleetStack
from fleet.yaml_text import yaml_text
from mendix_registry.stack_file import PROJECT

MARK = "# Written by mendix-registry-fleet"
"""How a file begins that this command may write over."""

_KEPT = ("encryptedkey", "encryptionsalt")
"""What Pulumi writes into a stack file: the stack's data key, without which its secrets are lost."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Changes:
    """What :func:`write_stack_files` did, by the stacks' names. ``left``: stacks with a file but without a namespace."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    left: tuple[str, ...]


def stack_file_text(stack: FleetStack, provider: str | None, kept: Mapping[str, str] | None = None) -> str:
    """The text of a stack file. ``kept`` is what Pulumi wrote into the old one."""
    content: dict[str, Any] = {}
    if provider:
        content["secretsprovider"] = provider
    content |= kept or {}
    content["config"] = dict(stack.config)
    return (
        "# yaml-language-server: $schema=stack.schema.json\n"
        f"{MARK}. Change the fleet file: 'mendix-registry-fleet split' writes this one again.\n"
        f"{yaml_text(content)}"
    )


def write_stack_files(
    fleet: Fleet, stacks: Sequence[FleetStack], directory: Path, *, allow_moves: bool = False
) -> Changes:
    """Writes ``Pulumi.<stack>.yaml`` for each stack into ``directory``; a file that is right is not touched.

    Raises:
        FleetError: a file of that name was not written by mendix-registry-fleet, has another secrets provider, or a namespace would
            move to another stack (unless ``allow_moves``). Then nothing is written.
    """
    problems: list[FleetProblem] = []
    existing = dict(_existing(fleet, directory, problems))
    texts: dict[Path, tuple[FleetStack, str]] = {}
    for stack in stacks:
        path = directory / f"Pulumi.{stack.name}.yaml"
        old = existing.get(path.name)
        kept = {key: str(old.content[key]) for key in _KEPT if key in old.content} if old else {}
        before = old.content.get("secretsprovider") if old else None
        if kept and before != fleet.state.secrets_provider and "encryptedkey" in kept:
            problems.append(
                FleetProblem(
                    str(path),
                    "its secretsprovider is not the fleet's state.secretsProvider",
                    "the secrets in its state are encrypted with the old one",
                    f"run 'pulumi stack change-secrets-provider --stack {stack.name} …' first, or correct the fleet file",
                )
            )
        texts[path] = (stack, stack_file_text(stack, fleet.state.secrets_provider, kept))
    if not allow_moves:
        problems += _moves(stacks, existing.values())
    if problems:
        raise FleetError(problems)
    directory.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    unchanged: list[str] = []
    for path, (stack, text) in texts.items():
        old = existing.get(path.name)
        if old and old.text == text:
            unchanged.append(stack.name)
            continue
        # A reader never sees half a file.
        temporary = path.with_suffix(".yaml.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
        written.append(stack.name)
    names = {stack.name for stack in stacks}
    left = sorted(old.stack for old in existing.values() if old.stack not in names)
    return Changes(tuple(written), tuple(unchanged), tuple(left))


@dataclass(frozen=True, slots=True)
class _Old:
    stack: str
    text: str
    content: Mapping[str, Any]

    def namespaces(self) -> set[str]:
        config: Any = self.content.get("config")
        listed: Any = cast("dict[str, Any]", config).get(f"{PROJECT}:namespaces") if isinstance(config, dict) else None
        entries = cast("list[Any]", listed) if isinstance(listed, list) else []
        return {
            str(cast("dict[str, Any]", entry)["name"])
            for entry in entries
            if isinstance(entry, dict) and "name" in entry
        }


def _existing(fleet: Fleet, directory: Path, problems: list[FleetProblem]) -> Iterator[tuple[str, _Old]]:
    prefix, suffix = f"Pulumi.{fleet.name}-", ".yaml"
    for path in sorted(directory.glob(f"{prefix}*{suffix}")):
        if not path.name.removeprefix(prefix).removesuffix(suffix).isdigit():
            continue
        text = path.read_text(encoding="utf-8")
        if MARK not in text[:400]:
            problems.append(
                FleetProblem(
                    str(path),
                    "this stack file was not written by mendix-registry-fleet",
                    "writing over it would lose what is in it",
                    "move it away, or give the fleet another name",
                )
            )
            continue
        try:
            # The C parser, because a fleet has megabytes of them.
            content: Any = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError:
            problems.append(
                FleetProblem(
                    str(path),
                    "it is not YAML any more",
                    "the stack's key may be in it and must not be lost",
                    "restore it from version control",
                )
            )
            continue
        if isinstance(content, dict):
            stack = path.name.removeprefix("Pulumi.").removesuffix(suffix)
            yield path.name, _Old(stack, text, cast("dict[str, Any]", content))


def _moves(stacks: Sequence[FleetStack], existing: Any) -> Iterator[FleetProblem]:
    before: dict[str, str] = {}
    for old in existing:
        before |= dict.fromkeys(old.namespaces(), old.stack)
    moves = [
        f"{member.name} ({before[member.name]} → {stack.name})"
        for stack in stacks
        for member in stack.members
        if before.get(member.name, stack.name) != stack.name
    ]
    if moves:
        shown = ", ".join(moves[:_SHOWN]) + (f" and {len(moves) - _SHOWN} more" if len(moves) > _SHOWN else "")
        yield FleetProblem(
            "stacks",
            f"{len(moves)} namespace{'s' if len(moves) != 1 else ''} would move to another stack: {shown}",
            "the new stack would create what exists, and the old one delete it, repositories and all",
            "keep the number of stacks; or move their resources as docs/fleet.md shows ('pulumi state move'), then run this with "
            "--allow-moves",
        )
