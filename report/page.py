"""The HTML page: one file with the access map, the risks and all changes; no network, no build step.

Data travel as JSON in a script element that no browser executes; the page's own script puts them into the document as text,
never as markup. A content security policy allows exactly that script and that style sheet.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from report.access.grants import Grant
from report.access.meaning import Sentence, phrase
from report.changes import VERBS
from report.comment import ENDED, short_type
from report.difference import difference
from report.summary import StackReport, because
from report.text import clean_line

_ROOM_FOR_DIFFS = 2_000_000
"""Characters of raw diff that the page carries; a browser opens more slowly the more there are."""

_LONGEST = 300


def write_page(stacks: Sequence[StackReport], title: str = "Registry access") -> str:
    """The page on these stacks' previews."""
    script, style = _asset("page.js"), _asset("page.css")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_asset("page.html.j2"))
    return template.render(
        title=title,
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        script_hash=_hash(script),
        style_hash=_hash(style),
        data=Markup(_embedded(_data(stacks))),  # noqa: S704 - escaped for a script element below
    )


def _asset(name: str) -> str:
    return resources.files("report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(data: Any) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Strings:
    """Each text once: a fleet repeats cluster, host and verbs thousands of times."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self.numbers.setdefault(clean_line(text, _LONGEST), len(self.numbers))


def _data(stacks: Sequence[StackReport]) -> dict[str, Any]:
    strings = _Strings()
    rows = [row for stack in stacks for row in _rows(stack, strings)]
    return {
        "stacks": [
            {
                "name": clean_line(stack.name, _LONGEST),
                "counts": {VERBS.get(op, op): number for op, number in stack.counts.items()},
                "changed": stack.changed,
                "failed": stack.failed,
                "ended": ENDED[stack.ending],
                "why": stack.why.replace("`", ""),
                "partial": stack.access.partial,
                "corrupt": stack.maybe_corrupt,
            }
            for stack in stacks
        ],
        "risks": [
            {
                "kind": risk.kind,
                "stack": clean_line(risk.stack),
                "what": clean_line(f"{short_type(risk.type)} {risk.name}".strip()),
                "why": risk.why,
                "value": clean_line(risk.value),
            }
            for stack in stacks
            for risk in stack.risks
        ],
        "messages": [
            {
                "stack": clean_line(stack.name),
                "severity": said.severity,
                "about": clean_line(said.about),
                "text": said.message,
            }
            for stack in stacks
            for said in stack.messages
        ],
        "findings": [
            {
                "stack": clean_line(stack.name),
                "level": finding.level,
                "policy": clean_line(finding.policy),
                "about": clean_line(finding.about),
                "text": finding.message,
            }
            for stack in stacks
            for finding in stack.findings
        ],
        "sentences": [_told(sentence) for stack in stacks for sentence in stack.sentences],
        "rows": rows,
        "changes": _changes(stacks),
        "strings": list(strings.numbers),
    }


def _rows(stack: StackReport, strings: _Strings) -> list[list[int]]:
    """A row per way from a namespace to a repository: indexes of texts, verbs before and after, whether assumed."""
    ways: dict[tuple[str, ...], list[str]] = {}
    assumed: dict[tuple[str, ...], bool] = {}
    for side, grants in enumerate((stack.access.before, stack.access.after)):
        for grant in grants:
            key = _way(grant)
            ways.setdefault(key, ["", ""])[side] = phrase(grant.verbs)
            assumed[key] = grant.assumed
    return [
        [strings(stack.name), *map(strings, key), *map(strings, verbs), int(assumed[key])]
        for key, verbs in sorted(ways.items())
    ]


def _way(grant: Grant) -> tuple[str, ...]:
    return (
        grant.cluster,
        grant.namespace,
        grant.service_account,
        grant.identity,
        grant.how,
        grant.host,
        grant.repository,
    )


def _told(sentence: Sentence) -> dict[str, str]:
    return {
        "sign": sentence.sign,
        "stack": clean_line(sentence.stack),
        "cluster": clean_line(sentence.cluster),
        "namespace": clean_line(sentence.namespace),
        "what": phrase(sentence.what),
        "where": clean_line(f"{sentence.repository} at {sentence.host}" if sentence.host else sentence.repository),
    }


def _changes(stacks: Sequence[StackReport]) -> list[dict[str, Any]]:
    room = _ROOM_FOR_DIFFS
    found: list[dict[str, Any]] = []
    for stack in stacks:
        for change in stack.changes:
            lines = difference(change) if room > 0 else []
            room -= sum(map(len, lines))
            reasons = [
                f"{path} ({old} → {new})" if old and new and old != new else path for path, old, new in because(change)
            ]
            found.append(
                {
                    "stack": clean_line(stack.name),
                    "op": change.op,
                    "verb": VERBS.get(change.op, change.op),
                    "type": clean_line(short_type(change.type)),
                    "name": clean_line(change.name),
                    "component": clean_line(f"{change.component.kind} {change.component.name}".strip()),
                    "reasons": [clean_line(reason) for reason in reasons[:6]],
                    "diff": lines,
                    "cut": room <= 0,
                }
            )
    return found
