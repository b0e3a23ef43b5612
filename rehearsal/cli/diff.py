"""``--diff``: each change property by property, in the manner of ``pulumi preview --diff``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from rich.text import Text

from rehearsal.cli.difference import ABSENT, Change, Key, changes
from rehearsal.cli.text import clean, clean_line
from rehearsal.cli.tree import PROVIDER_PREFIX, STACK_TYPE
from rehearsal.cli.wording import REPLACEMENT_PARTS, words
from rehearsal.engine.events import Op, Step

# Pulumi's stand-ins for values that a preview cannot know (sdk/go/common/resource/plugin/rpc.go).
_UNKNOWN = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9": "output<string>",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7": "output<bool>",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421": "output<number>",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2": "output<array>",
    "030794c1-ac77-496b-92df-f27374a8bd58": "output<asset>",
    "e48ece36-62e2-4504-bad9-02848725956a": "output<archive>",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff": "output<object>",
}
_LONGEST = 400
_STYLE = {"+": "green", "-": "red", "~": "yellow"}


def step_diff(step: Step) -> Iterator[Text]:
    """The lines for one step; none for a step that has nothing to show."""
    if step.op is Op.SAME or step.op in REPLACEMENT_PARTS or step.type == STACK_TYPE:
        return
    wording = words(step.op)
    head = Text()
    head.append(f"{wording.sign} ", style=wording.style)
    head.append(f"{clean_line(step.type)}: ({wording.planned})", style="bold " + wording.style)
    yield head
    state = step.new or step.old or {}
    if step.old and step.old.get("id"):
        yield Text(f"    [id={clean_line(str(step.old['id']))}]", style="dim")
    yield Text(f"    [urn={clean_line(step.urn)}]", style="dim")
    if step.provider and PROVIDER_PREFIX in step.provider:
        yield Text(f"    [provider={clean_line(step.provider)}]", style="dim")
    if step.op in {Op.CREATE, Op.IMPORT, Op.READ}:
        for key, value in sorted(cast("Mapping[str, Any]", state.get("inputs") or {}).items()):
            if not key.startswith("__"):
                yield from _value("+" if step.op is Op.CREATE else " ", key, value, 1)
        return
    if step.op is Op.DELETE or step.op is Op.READ_DISCARD:
        for key, value in sorted(cast("Mapping[str, Any]", (step.old or {}).get("inputs") or {}).items()):
            if not key.startswith("__"):
                yield from _value("-", key, value, 1)
        return
    change = changes(step)
    if change is not None:
        for key, member in change.members.items():
            if not str(key).startswith("__"):
                yield from _change(key, member, 1)


def value_lines(key: Key, value: Any) -> Iterator[Text]:
    """A whole value, indented, as ``--diff`` writes it but without a sign."""
    yield from _value("", key, value, 0)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if value in _UNKNOWN:
            return _UNKNOWN[value]
        if value == "[secret]":
            return value
        text = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value):,} characters)"
        return clean_line(json.dumps(text, ensure_ascii=False))
    if value is None:
        return "null"
    return clean_line(json.dumps(value, ensure_ascii=False, default=str))


def _line(sign: str, depth: int, text: str) -> Text:
    return Text(f"{'    ' * depth}{sign or ' '} {text}", style=_STYLE.get(sign, ""))


def _key(key: Key) -> str:
    return f"[{key}]" if isinstance(key, int) else clean_line(key)


def _value(sign: str, key: Key, value: Any, depth: int) -> Iterator[Text]:
    """A whole value that comes or goes, with the same sign on every line."""
    if isinstance(value, Mapping) and value:
        members = cast("Mapping[str, Any]", value)
        yield _line(sign, depth, f"{_key(key)}: {{")
        # Protobuf gives keys in no order; sorted ones make two runs comparable.
        for name, member in sorted(members.items()):
            yield from _value(sign, name, member, depth + 1)
        yield _line(sign, depth, "}")
    elif isinstance(value, list) and value:
        yield _line(sign, depth, f"{_key(key)}: [")
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _value(sign, index, item, depth + 1)
        yield _line(sign, depth, "]")
    else:
        yield _line(sign, depth, f"{_key(key)}: {_scalar(value)}")


def _change(key: Key, change: Change, depth: int) -> Iterator[Text]:
    reason = "  (forces replacement)" if change.replaces else ""
    if change.members:
        brackets = "[]" if all(isinstance(member, int) for member in change.members) else "{}"
        yield _line("~", depth, f"{_key(key)}: {brackets[0]}{reason}")
        for name, member in change.members.items():
            yield from _change(name, member, depth + 1)
        yield _line("~", depth, brackets[1])
    elif change.old is ABSENT:
        yield from _value("+", key, change.new, depth)
    elif change.new is ABSENT:
        yield from _value("-", key, change.old, depth)
    elif (texts := _texts(change)) is not None and "\n" in "".join(texts):
        yield _line("~", depth, f"{_key(key)}: (text){reason}")
        yield from _text_change(*texts, depth + 1)
    elif _is_compound(change.old) or _is_compound(change.new):
        # A path of a detailed diff may name a whole object: show what differs inside it.
        yield from _value("-", key, change.old, depth)
        yield from _value("+", key, change.new, depth)
    else:
        yield _line("~", depth, f"{_key(key)}: {_scalar(change.old)} => {_scalar(change.new)}{reason}")


def _is_compound(value: object) -> bool:
    return isinstance(value, Mapping | list)


def _texts(change: Change) -> tuple[str, str] | None:
    old, new = change.old, change.new
    return (old, new) if isinstance(old, str) and isinstance(new, str) else None


def _text_change(old: str, new: str, depth: int) -> Iterator[Text]:
    lines = difflib.unified_diff(clean(old).splitlines(), clean(new).splitlines(), n=2, lineterm="")
    for line in list(lines)[2:]:
        if not line.startswith("@@"):
            yield _line(line[:1] if line[:1] in "+-" else " ", depth, line[1:])
