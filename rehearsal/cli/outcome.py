"""What is printed once an update has ended: for people the picture, the reason and the way on; else one object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from rehearsal.cli.diff import step_diff, value_lines
from rehearsal.cli.picture import failures, message_text, row_line
from rehearsal.cli.terminal import say
from rehearsal.cli.text import clean, clean_line, count, duration
from rehearsal.cli.tree import Message, Row, Tree
from rehearsal.cli.wording import has_changes, summary
from rehearsal.engine.events import Finished, Left

NAMESPACES_OUTPUT = "namespaces"
"""The stack output in which the program tells, for each namespace, what its builder Job pushed and a node pulled."""

_ROWS_SHOWN = 400
_PUSHES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Pushed:
    """One proven push, as the stack's output tells it; ``pulled`` is None where no node was asked to pull it."""

    namespace: str
    reference: str
    digest: str | None
    pushed_as: str | None
    pulled: str | None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def pushed(outputs: Mapping[str, Any]) -> list[Pushed]:
    """The pushes in the stack's outputs; none where the program has no such output or proved nothing."""
    namespaces = outputs.get(NAMESPACES_OUTPUT)
    if not isinstance(namespaces, Mapping):
        return []
    found: list[Pushed] = []
    for namespace, entry in sorted(cast("Mapping[str, Any]", namespaces).items()):
        if not isinstance(entry, Mapping):
            continue
        told = cast("Mapping[str, Any]", entry)
        reference = _string(told.get("pushed"))
        if reference is not None:
            digest, pushed_as, pulled = (_string(told.get(key)) for key in ("digest", "pushedAs", "pulled"))
            found.append(Pushed(namespace, reference, digest, pushed_as, pulled))
    return found


def document(stack: str, finished: Finished, seconds: float, messages: Sequence[Message] = ()) -> dict[str, Any]:
    """The one object of ``up --json`` (and of ``refresh`` and ``destroy``). ``seconds`` is from command to end; of the
    ``messages`` it takes what policies said."""
    policies = [
        {
            "pack": message.policy.pack,
            "version": message.policy.version,
            "policy": message.policy.policy,
            "mandatory": message.policy.mandatory,
            "urn": message.urn,
            "message": message.text,
        }
        for message in messages
        if message.policy is not None
    ]
    return {
        "stack": stack,
        "ok": finished.ok,
        "seconds": round(seconds, 3),
        "changes": dict(sorted(finished.changes.items())),
        "outputs": dict(finished.outputs),
        "pushed": [
            {
                "namespace": entry.namespace,
                "reference": entry.reference,
                "digest": entry.digest,
                "pushedAs": entry.pushed_as,
                "pulled": entry.pulled,
            }
            for entry in pushed(finished.outputs)
        ],
        "policies": policies,
        "cancelled": finished.cancelled,
        "error": finished.error,
    }


def print_picture(console: Console, tree: Tree, *, planned: bool, width: int) -> None:
    """All changed and failed resources in their tree; a very long list ends in a count."""
    wanted = [row.urn for row in tree.rows.values() if row.changed or row.error is not None]
    shown = set(wanted[:_ROWS_SHOWN])
    for branch, row in tree.visible(shown):
        console.print(row_line(branch, row, row.started, width, planned=planned), no_wrap=True, crop=False)
    if len(wanted) > len(shown):
        console.print(Text(f"   … {count(len(wanted) - len(shown), 'more resource')}", style="dim"))


def print_diff(console: Console, tree: Tree) -> None:
    """Each change property by property."""
    for step in tree.steps:
        for line in step_diff(step):
            console.print(line, soft_wrap=True)


def print_messages(console: Console, tree: Tree) -> None:
    """What the program and the providers said, then each failed step that none of it explained."""
    texts = [*(message_text(tree, message) for message in tree.messages), *failures(tree)]
    if texts and tree.rows:
        console.print()
    for text in texts:
        say(console, text)


def _told(tree: Tree, reason: str) -> bool:
    """Whether a message or a failed step has said this already. The engine's reason may quote a step's."""
    if any(reason in message.text for message in tree.messages):
        return True
    return any(row.error is not None and (reason in row.error or row.error in reason) for row in tree.rows.values())


def print_end(
    console: Console,
    tree: Tree,
    finished: Finished,
    *,
    kind: str,
    planned: bool,
    command: str,
    stack: str,
    seconds: float,
    refused: bool,
) -> None:
    """The closing lines. After a failure: the reason, then what is safe, then what to do.

    ``kind`` is what was asked for, ``planned`` whether this was its preview, ``refused`` whether the program refused
    its stack file.
    """
    changes = dict(finished.changes)
    told = summary(changes, planned=planned)
    kind = "preview" if planned else kind
    if tree.rows or tree.messages:
        console.print()
    if finished.ok:
        line = Text()
        line.append(_headline(kind, clean_line(stack), changed=has_changes(changes)), style="bold green")
        line.append(f" {told[:1].upper()}{told[1:]}; {duration(seconds)}.")
        say(console, line)
        return
    reason = "" if finished.cancelled else clean(finished.error or "").strip()
    if "\n" in reason and not _told(tree, reason):
        text = Text()
        text.append("error: ", style="bold red")
        text.append(reason)
        say(console, text)
        reason = ""
    if refused:
        line = Text()
        line.append(f"The stack file of {clean_line(stack)} was refused after {duration(seconds)}.", style="bold red")
        line.append(" Nothing was changed. Mend it as told above, then run the same command again.")
        say(console, line)
        return
    for line in _after_failure(tree, finished, kind, command, clean_line(stack), told, seconds, reason):
        say(console, line)


def _headline(kind: str, stack: str, *, changed: bool) -> str:
    match kind:
        case "preview":
            return f"Preview of {stack}: changes to make." if changed else f"Preview of {stack}: nothing to change."
        case "destroy":
            return f"{stack} is gone."
        case "refresh":
            return f"The state of {stack} is what is really there."
        case _:
            return f"{stack} is up." if changed else f"{stack} is up; nothing had to change."


def _after_failure(
    tree: Tree, finished: Finished, kind: str, command: str, stack: str, told: str, seconds: float, reason: str
) -> Iterator[Text]:
    what = "Cancelled" if finished.cancelled else f"The {kind} of {stack} failed"
    why = f": {reason}" if reason and not _told(tree, reason) else ""
    style = "bold yellow" if finished.cancelled else "bold red"
    yield Text(f"{what} after {duration(seconds)}{why} ({told}).", style=style)
    if kind == "preview":
        yield Text("Safe: a preview changes nothing, neither resources nor state.")
    else:
        yield Text(_safe(tree, finished))
    if finished.cancelled:
        yield Text(f"Next: the same command goes on from here:  {command} {kind} --stack {stack}")
    else:
        yield Text("Next: mend the reason above, then run the same command again; it goes on from here.")
        yield Text(f"      {command} doctor  checks this machine,  {command} status  tells what is running.")


def _safe(tree: Tree, finished: Finished) -> str:
    """What is so after a failure. A failed step is none of the update's changes, and may have changed something all the same."""
    unsure = [row for row in tree.rows.values() if row.running or row.left is Left.UNKNOWN]
    unready = [row for row in tree.rows.values() if row.left is Left.RECORDED and not row.running]
    if not (unsure or unready or has_changes(dict(finished.changes))):
        return "Safe: nothing was changed."
    if not unsure:
        told = "Safe: every finished step is in the state, nothing is half-written, nothing was rolled back."
    else:
        told = f"Safe: all finished steps are in the state. Not finished, noted as pending: {_names(unsure)}."
    if unready:
        told += f" In the state, but not ready: {_names(unready)}."
    return told


def _names(rows: Sequence[Row]) -> str:
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return ", ".join(f"{row.name} ({row.label})" for row in rows[:5]) + more


def print_outputs(console: Console, outputs: Mapping[str, Any]) -> None:
    if not outputs:
        return
    console.print(Text("\nOutputs", style="bold"))
    lines = [line for key, value in sorted(outputs.items()) for line in value_lines(key, value)]
    for line in lines[:_ROWS_SHOWN]:
        console.print(line, soft_wrap=True)
    if len(lines) > _ROWS_SHOWN:
        console.print(Text(f"  … {count(len(lines) - _ROWS_SHOWN, 'more line')}; --json has them all", style="dim"))


def print_pushed(console: Console, outputs: Mapping[str, Any]) -> None:
    """What was pushed, where, as whom, and the proof that a node pulls it."""
    proven = pushed(outputs)
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
            console.print(Text("  pull not proven: the stack file asks for no pod from the pull host", style="yellow"))
    if len(proven) > _PUSHES_SHOWN:
        more = count(len(proven) - _PUSHES_SHOWN, "more namespace")
        console.print(Text(f"\n… and for {more}; --json names them all", style="dim"))


def print_next(console: Console, *, command: str, stack: str, kubeconfig: str | None) -> None:
    """What to try next, each line ready to paste."""
    name = clean_line(stack)
    tips = [
        (f"{command} up --yes --stack {name}", "again: every step should be `same`"),
        (f"{command} preview --diff --stack {name}", "after editing the stack file: what would change"),
        (f"{command} status", "what runs, where, and since when"),
        (f"{command} down", "end everything that was started"),
    ]
    if kubeconfig:
        tips.insert(2, (f"export KUBECONFIG={kubeconfig}", "the cluster, for kubectl"))
    width = max(len(tip) for tip, _ in tips)
    console.print(Text("\nNext", style="bold"))
    for tip, why in tips:
        line = Text(f"  {tip:<{width}}  ")
        line.append(why, style="dim")
        console.print(line, soft_wrap=True)
