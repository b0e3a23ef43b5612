"""Which stack a command means, and what its stack file says about the stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rehearsal.cli.text import clean_line

if TYPE_CHECKING:
    from rehearsal.engine.policies.pack import PolicyPackChoice

DEFAULT_STACK = "local"
"""The stack that needs nothing but this machine: harmless to choose where none was named."""


class UsageError(Exception):
    """The command cannot be carried out as it was given: exit status 2. The text says what to do."""


def choose_stack(named: str | None, stacks: Sequence[str], environ: Mapping[str, str]) -> str:
    """The stack to work on: ``--stack``, else ``PULUMI_STACK``, else the only one there is, else ``local``.

    Raises UsageError where that leaves none.
    """
    chosen = named or environ.get("PULUMI_STACK")
    if chosen:
        return chosen
    if len(stacks) == 1:
        return stacks[0]
    if DEFAULT_STACK in stacks:
        return DEFAULT_STACK
    if not stacks:
        raise UsageError(
            "This project has no stack file, so there is nothing to bring up.\n"
            "Write one: stacks/Pulumi.local.yaml is the usual first; the README shows it."
        )
    names = ", ".join(clean_line(name) for name in sorted(stacks))
    raise UsageError(f"Which stack? There are {len(stacks)}: {names}.\nName one with --stack.")


def stage_configuration(stack_file: Path, project: str) -> dict[str, Any]:
    """A stack file's configuration as written, the program's own keys without its name: secrets stay encrypted.

    The stage needs only names and addresses, so it can be set before a passphrase is asked for.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(stack_file.read_bytes(), Loader=loader)  # noqa: S506 - both are safe loaders
    config = cast("dict[Any, Any]", content).get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        return {}
    prefix = f"{project}:"
    return {str(key).removeprefix(prefix): value for key, value in cast("dict[Any, Any]", config).items()}


def choose_packs(directories: Sequence[Path], configurations: Sequence[Path]) -> tuple[PolicyPackChoice, ...]:
    """The policy packs to run, each with the configuration at its position, as the CLI pairs them.

    Raises UsageError, or ProjectError for a directory that holds no pack: before anything is started.
    """
    if not directories and not configurations:
        return ()
    if configurations and len(configurations) != len(directories):
        raise UsageError(
            f"--policy-pack-config was given {len(configurations)} times and --policy-pack {len(directories)} times.\n"
            "They belong together by position: give one file for each pack (an empty file where there is nothing to say)."
        )
    from rehearsal.engine.policies.pack import PolicyPackChoice, load_pack

    for directory in directories:
        load_pack(directory)
    files = configurations or [None] * len(directories)
    return tuple(PolicyPackChoice(directory, file) for directory, file in zip(directories, files, strict=True))
