"""What went wrong before Pulumi's CLI took over: its reason in print, and the exit status it means."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from rich.text import Text

from rehearsal.cli.terminal import errors, invocation, say
from rehearsal.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED, WRONG_USE = 1, 2


def explain(error: Exception) -> int:
    """Print the reason on standard error and give the exit status: 2 for use or configuration, else 1."""
    if not isinstance(error, tuple(_expected())):
        return _explain_fault(error)
    text = clean(str(error)).strip()
    if text:
        line = Text()
        line.append("error: ", style="bold red")
        line.append(text)
        say(errors(), line)
    return WRONG_USE if isinstance(error, tuple(_wrong_use())) else FAILED


def _wrong_use() -> Iterator[type[Exception]]:
    """Errors of use or configuration. Only modules that are loaded already can have raised one."""
    yield from _loaded({"rehearsal.sandbox.project": ("UsageError",)})


def _expected() -> Iterator[type[Exception]]:
    """Errors whose text is written for users."""
    yield from _wrong_use()
    names = {
        "rehearsal.cluster": ("ClusterError",),
        "rehearsal.cluster.errors": ("ClusterError",),
        "rehearsal.toolchain.errors": ("ToolchainError",),
        "rehearsal.sandbox": ("StageError",),
        "rehearsal.sandbox.pulumi": ("PulumiError",),
    }
    yield from _loaded(names)


def _loaded(names: dict[str, tuple[str, ...]]) -> Iterator[type[Exception]]:
    for module, classes in names.items():
        if loaded := sys.modules.get(module):
            for name in classes:
                kind = getattr(loaded, name, None)
                if kind is not None:
                    yield kind


def _explain_fault(error: Exception) -> int:
    """Everything else: the machine's fault (a full disk, a file that may not be read) or ours."""
    console = errors()
    line = Text()
    line.append("error: ", style="bold red")
    if isinstance(error, OSError):
        line.append(clean(str(error)))
        say(console, line)
        console.print(
            Text(f"The operating system rejected this. `{invocation()} doctor` checks disk, rights and tools.")
        )
        return FAILED
    line.append(f"{type(error).__name__}: {clean(str(error))}")
    say(console, line)
    if os.environ.get("REHEARSAL_DEBUG"):
        console.print(Text(clean("".join(traceback.format_exception(error)))), soft_wrap=True)
    else:
        console.print(
            Text(
                "This is a fault of the rehearsal itself.\n"
                "With REHEARSAL_DEBUG=1 the same command prints where it happened, which belongs in a report."
            ),
            soft_wrap=True,
        )
    return FAILED
