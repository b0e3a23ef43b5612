"""The lines after Pulumi's own: what was pushed and pulled, what failed and why, what emulators denied, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console
from rich.text import Text

from rehearsal.cli.denials import print_denials
from rehearsal.cli.terminal import invocation, say
from rehearsal.cli.text import clean, clean_line, count

if TYPE_CHECKING:
    from rehearsal.cli.events import Course, Failure
    from rehearsal.sandbox.pulumi import Sandbox

NAMESPACES_OUTPUT = "namespaces"
"""The stack output in which the program gives, for each namespace, what its builder Job pushed and a node pulled."""

_PUSHES_SHOWN = 20
_FAILURES_SHOWN = 10
_LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Pushed:
    """One proven push, as the stack's output has it; ``pulled`` is None where no node was asked to pull it."""

    namespace: str
    reference: str
    digest: str | None
    pushed_as: str | None
    pulled: str | None


def pushed(outputs: Mapping[str, Any]) -> list[Pushed]:
    """The pushes in the stack's outputs; none where the program has no such output or proved nothing."""
    namespaces = outputs.get(NAMESPACES_OUTPUT)
    if not isinstance(namespaces, Mapping):
        return []
    found: list[Pushed] = []
    for namespace, entry in sorted(cast("Mapping[str, Any]", namespaces).items()):
        if not isinstance(entry, Mapping):
            continue
        values = cast("Mapping[str, Any]", entry)
        reference = _string(values.get("pushed"))
        if reference is not None:
            digest, pushed_as, pulled = (_string(values.get(key)) for key in ("digest", "pushedAs", "pulled"))
            found.append(Pushed(namespace, reference, digest, pushed_as, pulled))
    return found


def print_closing(console: Console, sandbox: Sandbox, verb: str, status: int, course: Course, started: float) -> None:
    """Print them for a command that has ended. ``status`` is the CLI's, ``started`` its beginning in seconds of the epoch."""
    if status != 0:
        _print_failures(console, course.failures)
        if not course.rejected:
            _print_reports(console, course.reports)
        if verb == "up":
            print_denials(console, sandbox.additions, started)
        if course.rejected:
            say(console, Text("\nNothing was deployed. Correct the stack file and run the same command again."))
        elif course.failures:
            say(console, Text("\nFix the cause and run the same command again. It resumes where it stopped."))
    elif verb == "up":
        _print_pushed(console, pushed(course.outputs))
        if course.changed:
            _print_next(console, sandbox)


def _print_failures(console: Console, failures: Sequence[Failure]) -> None:
    """Each failed resource with its reason, which Pulumi's output may have above the tracebacks of a program that was stopped."""
    for failure in failures[:_FAILURES_SHOWN]:
        console.print(Text(f"\nFailed: {clean_line(failure.name)} ({clean_line(failure.type)})", style="bold red"))
        for line in _telling(failure.reason):
            console.print(Text(f"  {line}"), soft_wrap=True)
    if len(failures) > _FAILURES_SHOWN:
        console.print(Text(f"\n… and {count(len(failures) - _FAILURES_SHOWN, 'more resource')}"))


def _print_reports(console: Console, reports: Sequence[str]) -> None:
    """What the program has found out about a failure, such as the cluster's own words about a Job."""
    for report in reports[:_FAILURES_SHOWN]:
        console.print()
        for line in _telling(report):
            console.print(Text(line), soft_wrap=True)


def _telling(reason: str) -> Iterator[str]:
    lines = [line for line in clean(reason).splitlines() if line.strip()]
    yield from lines[:_LINES_SHOWN]
    if len(lines) > _LINES_SHOWN:
        yield f"… {count(len(lines) - _LINES_SHOWN, 'more line')} in Pulumi's output above"


def _print_pushed(console: Console, proven: Sequence[Pushed]) -> None:
    for entry in proven[:_PUSHES_SHOWN]:
        console.print(Text(f"\nPushed for namespace {clean_line(entry.namespace)}", style="bold green"))
        image, _, _ = entry.reference.partition("@")
        facts = [("image", image), ("digest", entry.digest), ("as", entry.pushed_as), ("pulled", entry.pulled)]
        for label, value in facts:
            if value:
                line = Text()
                line.append(f"  {label:<8}", style="dim")
                line.append(clean_line(value))
                console.print(line, soft_wrap=True)
        if entry.pulled:
            console.print(Text("          by the node, which then ran it", style="dim"))
        else:
            console.print(Text("  pull not proven: the stack file does not ask for it", style="yellow"))
    if len(proven) > _PUSHES_SHOWN:
        more = count(len(proven) - _PUSHES_SHOWN, "more namespace")
        console.print(Text(f"\n… and for {more}; `pulumi stack output namespaces` lists them all", style="dim"))


def _print_next(console: Console, sandbox: Sandbox) -> None:
    command, name = invocation(), clean_line(sandbox.stack)
    tips = [
        (f"{command} up --yes --stack {name}", "again: all resources are unchanged"),
        (f"{command} preview --diff --stack {name}", "after you edit the stack file: what would change"),
        (f"export KUBECONFIG={sandbox.additions['KUBECONFIG']}", "the cluster, for kubectl"),
        (f'eval "$({command} env --stack {name})"', "the sandbox, for any pulumi command"),
        (f"{command} status", "what runs, where, and since when"),
        (f"{command} down", "end everything that was started"),
    ]
    width = max(len(tip) for tip, _ in tips)
    console.print(Text("\nNext", style="bold"))
    for tip, why in tips:
        line = Text(f"  {tip:<{width}}  ")
        line.append(why, style="dim")
        console.print(line, soft_wrap=True)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
