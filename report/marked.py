"""Values that a preview marks as secret in one place and has in plain text in another.

An output that a provider marks, whose input the program has not marked; a state from before and after the mark; a plaintext beside
a mark; and the same value in other resources and in messages.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, Final
from urllib.parse import quote

from report.preview import StackPreview, State
from report.values import OUTPUT_SIGNATURE, SECRET, SECRET_SIGNATURE, SIGNATURE_KEY, is_unknown, listing, mapping

_SHORTEST: Final = 8
"""Of what is hidden everywhere; GitLab masks variables from this length on. A shorter value would be found in innocent words."""


def hide_marked(stack: StackPreview) -> StackPreview:
    """The same preview, with what it marks as secret hidden wherever else it stands."""
    marked = set(_marked(stack))
    values = {value for value in marked if len(value) >= _SHORTEST} - {SECRET}
    if not values:
        return stack
    forms = {
        form for value in values for form in (value, quote(value, safe=""), _base64(value), json.dumps(value)[1:-1])
    }
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(SECRET, value)
        if isinstance(value, dict):
            return {key: hide(item) for key, item in mapping(value).items()}
        return [hide(item) for item in listing(value)] if isinstance(value, list) else value

    def hide_state(state: State | None) -> State | None:
        return state and state.model_copy(update={"inputs": hide(state.inputs), "outputs": hide(state.outputs)})

    preview = stack.preview
    steps = [
        step.model_copy(update={"old_state": hide_state(step.old_state), "new_state": hide_state(step.new_state)})
        for step in preview.steps or ()
    ]
    messages = [message.model_copy(update={"message": hide(message.message)}) for message in preview.diagnostics or ()]
    changed = {"steps": steps, "diagnostics": messages, "config": hide(preview.config)}
    update = {key: value for key, value in changed.items() if getattr(preview, key) is not None}
    return replace(stack, preview=preview.model_copy(update=update))


def _marked(stack: StackPreview) -> Iterator[str]:
    for step in stack.preview.steps or ():
        sides: list[Mapping[str, Any]] = []
        for state in (step.old_state, step.new_state):
            for properties in (state.inputs, state.outputs) if state is not None else ():
                # Most steps change nothing, and most outputs repeat the inputs.
                if properties and properties not in sides:
                    sides.append(properties)
        for side in sides:
            yield from _beside_marks(side)
        for one, two in combinations(sides, 2):
            yield from _differing(one, two)


def _beside_marks(value: Any) -> Iterator[str]:
    """What stands in plain text beside a mark, as ``--show-secrets`` has it."""
    if isinstance(value, dict):
        found = mapping(value)
        if _is_marked(found):
            yield from _leaves(_plaintext(found))
            return
        for item in found.values():
            if isinstance(item, dict | list):
                yield from _beside_marks(item)
    elif isinstance(value, list):
        for item in listing(value):
            if isinstance(item, dict | list):
                yield from _beside_marks(item)


def _differing(one: Any, two: Any) -> Iterator[str]:
    """What is marked in one and plain in the other, at the same path."""
    if _is_marked(one) != _is_marked(two):
        yield from _leaves(two if _is_marked(one) else one)
    elif isinstance(one, dict) and isinstance(two, dict):
        other = mapping(two)
        for key, value in mapping(one).items():
            if key in other:
                yield from _differing(value, other[key])
    elif isinstance(one, list) and isinstance(two, list) and len(listing(one)) == len(listing(two)):
        for first, second in zip(listing(one), listing(two), strict=True):
            yield from _differing(first, second)


def _is_marked(value: Any) -> bool:
    if isinstance(value, str):
        return value == SECRET
    signature = mapping(value).get(SIGNATURE_KEY) if isinstance(value, dict) else None
    return signature == SECRET_SIGNATURE or (signature == OUTPUT_SIGNATURE and bool(mapping(value).get("secret")))


def _plaintext(marked: Mapping[str, Any]) -> Any:
    found = marked.get("plaintext", marked.get("value"))
    try:
        return json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return found


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if not is_unknown(value):
            yield value
    elif isinstance(value, dict) and not is_unknown(value):
        for key, item in mapping(value).items():
            if key != SIGNATURE_KEY:
                yield from _leaves(item)
    elif isinstance(value, list):
        for item in listing(value):
            yield from _leaves(item)


def _base64(value: str) -> str:
    return base64.b64encode(value.encode(errors="surrogatepass")).decode()
