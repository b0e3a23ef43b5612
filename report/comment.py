"""The pull-request comment: what changes, who may do what afterwards, what is dangerous; Markdown of at most a given size.

Everything foreign stands in code spans or fenced blocks (``report.text``). The text is put together from pieces with a
rank; where it would not fit, the least important are left out first, and the comment shows how many (``report.budget``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from report.access.facts import EVERY_REPOSITORY, ITSELF
from report.access.grants import NOT_SHOWN
from report.access.meaning import Name, Sentence, phrase
from report.budget import Fitted, Holder, Piece, fit, size
from report.changes import SIGNS, VERBS, Change, Component, Op
from report.difference import difference
from report.ending import Ending
from report.risks import ORDER as RISK_ORDER
from report.risks import Risk
from report.summary import StackReport, Unknown, because
from report.text import cell, clean_line, code, count, fence, unmarked

LIMITS: Final[Mapping[str, int]] = {"github": 65_536, "gitlab": 1_000_000, "azure-devops": 150_000}
"""Longest comment of each site, in characters. Ours are counted in octets, which are never fewer."""

_RISKS: Final = {
    "data loss": "Data loss",
    "broad access": "Broad access",
    "not understood": "Not understood",
    "protection removed": "Protection removed",
    "plain http": "Plain http",
    "static credentials": "Static credentials",
}
ENDED: Final[Mapping[Ending, str]] = {
    "failed": "failed",
    "unfinished": "did not finish",
    "refused": "is refused by the policy pack",
    "succeeded": "succeeded",
}
"""What a preview did, in words."""
_CONSEQUENCES: Final[Mapping[Ending, str]] = {
    "failed": "What is listed for it is not all that would change.",
    "unfinished": "What is listed for it is not all that would change.",
    "refused": "`pulumi up` would be refused too.",
}
_OPEN_SENTENCES = 20
_OPEN_COMPONENTS = 8
_NAMES_OF_A_RISK = 6
_MOST_STACKS = 100
_RESERVE = 600
"""Octets for the lines that list what was left out."""


@dataclass(slots=True)
class _Block:
    """A part of the comment: fixed text and pieces in their order, between a beginning and an end."""

    begin: str = ""
    end: str = ""
    parts: list[Piece | _Block] = field(default_factory=list["Piece | _Block"])
    within: Holder | None = None
    holder: Holder = field(init=False)

    def __post_init__(self) -> None:
        self.holder = Holder(size(self.begin) + size(self.end) + 2, self.within)

    def piece(self, rank: int, what: str, content: str | None) -> None:
        self.parts.append(Piece(rank, what, content, self.holder))

    def block(self, begin: str, end: str = "") -> _Block:
        inner = _Block(begin, end, within=self.holder)
        self.parts.append(inner)
        return inner

    def pieces(self) -> Iterator[Piece]:
        for part in self.parts:
            if isinstance(part, Piece):
                yield part
            else:
                yield from part.pieces()

    def text(self, fitted: Fitted) -> list[str]:
        lines: list[str] = []
        for part in self.parts:
            if isinstance(part, Piece):
                lines += [part.content] if part.content is not None and part in fitted else []
            else:
                lines += part.text(fitted)
        if not lines:
            return []
        return [*([self.begin] if self.begin else []), *lines, *([self.end] if self.end else [])]


def marker(key: str) -> str:
    """The hidden first line that marks the comment of an earlier run, to be updated in place."""
    return f"<!-- mendix-registry-report:{re.sub(r'[^A-Za-z0-9._-]', '-', key) or 'default'} -->"


def comment(stacks: Sequence[StackReport], limit: int = LIMITS["github"], key: str = "default", page: str = "") -> str:
    """The comment on these stacks' previews. ``page`` is the address of the HTML page, if it has one."""
    head = "\n".join([marker(key), *_head(stacks), ""])
    foot = "\n".join(_foot(stacks, page))
    body = _Block()
    _failures(body, stacks)
    _policy_section(body, stacks)
    _risk_section(body, stacks)
    _access_section(body, stacks)
    diffs = _Diffs(limit)
    for stack in stacks:
        _change_section(body, stack, diffs)
    _unknown_section(body, stacks)
    _message_section(body, stacks)
    fitted = fit(body.pieces(), limit - size(head) - size(foot) - _RESERVE)
    lines = [head, *body.text(fitted)]
    if fitted.left_out:
        listed = ", ".join(f"{number:,} {what}" for what, number in sorted(fitted.left_out.items()))
        where = "The page has them" if page else "The HTML page (`mendix-registry-report --page`) has them"
        lines.append(f"\n> **Left out, because a comment may have {limit:,} characters:** {listed}. {where}.")
    lines.append(foot)
    return "\n".join(lines).rstrip() + "\n"


def _head(stacks: Sequence[StackReport]) -> Iterator[str]:
    changed = sum(stack.changed for stack in stacks)
    dangers = sum(len(stack.risks) for stack in stacks)
    failed = [stack for stack in stacks if stack.failed]
    parts = [count(changed, "change") if changed else "nothing changes"]
    if failed:
        # A part of a preview shows neither that nothing changes nor how much does.
        parts = [f"{count(changed, 'change')} listed"] if changed else ["nothing listed"]
    if len(stacks) > 1:
        parts.append(f"in {len(stacks)} stacks")
    warning = f", {count(dangers, 'risk')}" if dangers else ""
    yield f"## Registry access: {_title(stacks, failed)}{' '.join(parts)}{warning}"
    yield ""
    for ending, consequence in _CONSEQUENCES.items():
        if named := [code(stack.name) for stack in failed if stack.ending == ending]:
            names = ", ".join(named[:20]) + (f" and {len(named) - 20:,} more" if len(named) > 20 else "")
            yield f"**The preview of {names} {ENDED[ending]}.** {consequence}"
            yield ""
    yield "| Stack | create | update | replace | delete | other | unchanged | |"
    yield "| :-- | --: | --: | --: | --: | --: | --: | :-- |"
    listed = list(stacks)
    if len(listed) > _MOST_STACKS:
        listed.sort(key=lambda stack: (not stack.failed, not stack.risks, not stack.changed))
    for stack in listed[:_MOST_STACKS]:
        numbers = dict(stack.counts)
        row = [numbers.pop(op, 0) for op in ("create", "update", "replace", "delete", "same")]
        unchanged = row.pop()
        notes = [f"**{ENDED[stack.ending].removeprefix('is ')}**"] if stack.failed else []
        notes += ["state may be damaged"] if stack.maybe_corrupt else []
        notes += [count(len(stack.risks), "risk")] if stack.risks else []
        notes += [] if stack.changed or stack.failed else ["no changes"]
        cells = [f"{number:,}" if number else "" for number in (*row, sum(numbers.values()), unchanged)]
        yield f"| {cell(stack.name, 80)} | {' | '.join(cells)} | {', '.join(notes)} |"
    if len(listed) > _MOST_STACKS:
        yield ""
        yield f"and {count(len(listed) - _MOST_STACKS, 'more stack')}, those with the fewest changes"


def _title(stacks: Sequence[StackReport], failed: Sequence[StackReport]) -> str:
    if not failed:
        return ""
    if len(stacks) == 1:
        return f"the preview {ENDED[failed[0].ending]}, "
    return f"{len(failed)} of {len(stacks)} previews did not succeed, "


def _foot(stacks: Sequence[StackReport], page: str) -> Iterator[str]:
    yield ""
    if page:
        yield f"[Access map and all changes]({page})"
        yield ""
    if any(stack.access.partial for stack in stacks):
        yield (
            "<sub>Access that does not change comes from the stacks' outputs, for the previews do not list unchanged "
            "resources. `pulumi preview --json --show-sames` lists them.</sub>"
        )


def _risk_section(body: _Block, stacks: Sequence[StackReport]) -> None:
    section = body.block("### Risks\n")
    for kind in RISK_ORDER:
        same: dict[tuple[str, str, str, str], list[Risk]] = {}
        for stack in stacks:
            for risk in stack.risks:
                if risk.kind == kind:
                    same.setdefault((risk.stack, risk.type, risk.why, risk.value), []).append(risk)
        for (stack_name, type_, why, value), alike in same.items():
            names = ", ".join(code(risk.name, 80) for risk in alike[:_NAMES_OF_A_RISK])
            more = len(alike) - _NAMES_OF_A_RISK
            names += f" and {more:,} more" if more > 0 else ""
            about = f" ({code(value, 120)})" if value else ""
            what = f"{code(short_type(type_))} {names}" if type_ else names
            section.piece(1, "risks", f"- **{_RISKS[kind]}** in {code(stack_name)}: {what}. {why}{about}")


def _failures(body: _Block, stacks: Sequence[StackReport]) -> None:
    for stack in stacks:
        if stack.ending in ("succeeded", "refused"):
            continue
        errors = [said for said in stack.messages if said.severity == "error"]
        section = body.block(f"\n### Why the preview of {code(stack.name)} {ENDED[stack.ending]}\n")
        if stack.why:
            section.piece(2, "error messages", f"{stack.why}\n")
        for said in errors:
            about = f"{code(said.about)}:\n" if said.about else ""
            section.piece(2, "error messages", f"{about}\n{fence(said.message)}\n")


def _policy_section(body: _Block, stacks: Sequence[StackReport]) -> None:
    for stack in stacks:
        section = body.block(f"\n### What the policy pack found in {code(stack.name)}\n")
        for finding in stack.findings:
            about = f", {code(finding.about)}" if finding.about else ""
            level = f"**{finding.level}**" if finding.mandatory else finding.level
            rank = 2 if finding.mandatory else 6
            section.piece(
                rank, "findings of policies", f"{level}: {code(finding.policy)}{about}\n\n{fence(finding.message)}\n"
            )


def _access_section(body: _Block, stacks: Sequence[StackReport]) -> None:
    found = [sentence for stack in stacks for sentence in stack.sentences]
    rank = {"loses": 0, "gains": 1, "changes": 2}
    found.sort(key=lambda sentence: rank[sentence.sign])
    section = body.block("\n### Who may do what\n")
    for sentence in found[:_OPEN_SENTENCES]:
        section.piece(3, "changes of access", f"- {told(sentence)}")
    rest = found[_OPEN_SENTENCES:]
    fold = section.block(f"\n<details><summary>{len(rest):,} more</summary>\n", "\n</details>")
    for sentence in rest:
        fold.piece(6, "changes of access", f"- {told(sentence)}")


def told(sentence: Sentence) -> str:
    """A change of access as a sentence in Markdown."""
    if sentence.namespace == NOT_SHOWN:
        who = "whoever acts as " + (" or ".join(code(name) for _, name in (sentence.after or sentence.before)[:3]))
    elif sentence.namespace == "*":
        who = f"**every namespace** of cluster {code(sentence.cluster)}"
    else:
        who = f"namespace {code(sentence.namespace)} of cluster {code(sentence.cluster)}"
    if sentence.repository == EVERY_REPOSITORY:
        where = f"**every repository** of {code(sentence.host)}" if sentence.host else "**every repository**"
    elif sentence.repository == NOT_SHOWN:
        where = "repositories that are not in this preview"
    else:
        where = code(sentence.repository) + (f" at {code(sentence.host)}" if sentence.host else "")
    before, after = _acting(sentence.before), _acting(sentence.after)
    if sentence.sign == "changes":
        return f"{who} keeps {phrase(sentence.what)} on {where}, now by {after} instead of {before}"
    by = after if sentence.sign == "gains" else before
    how = f" (by {by})" if by and sentence.namespace != NOT_SHOWN else ""
    return f"{who} **{sentence.sign} {phrase(sentence.what)}** on {where}{how}"


def _acting(names: Sequence[Name]) -> str:
    shown: list[str] = []
    for account, identity in names[:3]:
        who = f"ServiceAccount {code(account)}" if account else "its builds"
        shown.append(f"{who} itself" if identity == ITSELF else f"{who} as {code(identity)}")
    return ", ".join(shown) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


_LINE_RANKS: Mapping[Op, tuple[int, int]] = {
    "replace": (4, 8),
    "delete": (4, 9),
    "discard": (4, 9),
    "update": (5, 9),
    "refresh": (5, 9),
}
_QUIET_RANKS = (7, 12)


class _Diffs:
    """Writes diffs as long as those of their rank can still fit: there may be a thousand times as many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._written: dict[int, int] = {}

    def add(self, block: _Block, change: Change) -> None:
        _, rank = _LINE_RANKS.get(change.op, _QUIET_RANKS)
        if self._written.get(rank, 0) > self._limit:
            block.piece(rank, "diffs", None)
            return
        lines = difference(change)
        if lines:
            heading = f"@@ {SIGNS[change.op]} {short_type(change.type)} {change.name[:120]} @@"
            content = "\n".join(_unfenced(line) for line in (heading, *lines))
            self._written[rank] = self._written.get(rank, 0) + len(content)
            block.piece(rank, "diffs", content)


def _change_section(body: _Block, stack: StackReport, diffs: _Diffs) -> None:
    section = body.block(f"\n### Changes in {code(stack.name)}")
    groups: dict[Component, list[Change]] = {}
    for change in stack.changes:
        groups.setdefault(change.component, []).append(change)
    loud = {component: each for component, each in groups.items() if any(c.op in _LINE_RANKS for c in each)}
    quiet = {component: each for component, each in groups.items() if component not in loud}
    for listed in (loud, quiet):
        place = section
        for number, (component, members) in enumerate(listed.items()):
            if number == _OPEN_COMPONENTS:
                rest = count(len(listed) - _OPEN_COMPONENTS, "more component")
                what = "with changes" if listed is loud else "with creations only"
                place = section.block(f"\n<details><summary>{rest} {what}</summary>\n", "\n</details>")
            _group(place, component, members, diffs)


def _group(place: _Block, component: Component, members: Sequence[Change], diffs: _Diffs) -> None:
    title = f"{code(component.kind)} {code(component.name)}" if component.type else "The stack itself"
    group = place.block(f"\n**{title}**\n")
    quiet: dict[Op, list[Change]] = {}
    for change in members:
        plain = change.step.op == "delete" and not change.reasons and not change.kept_in_cloud
        if change.op in _LINE_RANKS and not plain:
            rank, _ = _LINE_RANKS[change.op]
            group.piece(rank, _plural(change.op), _line(change))
        else:
            quiet.setdefault(change.op, []).append(change)
    for op, alike in quiet.items():
        for start in range(0, len(alike), 20):
            some = alike[start : start + 20]
            names = ", ".join(f"{code(short_type(change.type))} {code(change.name, 80)}" for change in some)
            rank, _ = _LINE_RANKS.get(op, _QUIET_RANKS)
            gone = op == "delete"
            line = f"- **delete** {names}: no longer in the program" if gone else f"- {VERBS[op]} {names}"
            group.piece(rank, f"lists of {_plural(op)}", line)
    fold = group.block(
        f"\n<details><summary>Diff of {count(len(members), 'resource')}</summary>\n\n````diff", "````\n\n</details>"
    )
    for change in members:
        diffs.add(fold, change)


def _unfenced(line: str) -> str:
    # A run of backticks as long as the fence would end it; a diff is for reading, not for copying.
    return unmarked(clean_line(line, 800)).replace("```", "'''")


def _line(change: Change) -> str:
    what = f"**{VERBS[change.op]}** {code(short_type(change.type))} {code(change.name)}"
    if change.step.op == "refresh":
        found = "is gone" if change.op == "delete" else "is not as deployed"
        return f"- {code(short_type(change.type))} {code(change.name)} **{found}**"
    if change.kept_in_cloud:
        what += " (kept in the cloud, no longer managed)"
    reasons: list[str] = []
    for path, old, new in because(change)[:4]:
        values = f" ({code(old, 80)} → {code(new, 80)})" if old and new and old != new else ""
        reasons.append(f"{code(path, 120)}{values}")
    if len(because(change)) > len(reasons):
        reasons.append(f"{len(because(change)) - len(reasons)} more")
    if change.step.op == "delete-replaced":
        return f"- {what}: an old copy, which an earlier update has replaced but not yet deleted"
    if not reasons:
        return f"- {what}" + (": it is no longer in the program" if change.op == "delete" else "")
    joined = ", ".join(reasons)
    return f"- {what}: {'because of ' if change.op == 'replace' else ''}{joined}"


def _plural(op: Op) -> str:
    words = {"replace": "replacements", "delete": "deletions", "update": "updates", "create": "creations"}
    return words.get(op, f"steps of kind {op}")


def short_type(type_: str) -> str:
    """``Repository`` of ``aws:ecr/repository:Repository``; Kubernetes' custom kinds keep their group."""
    return type_.rsplit(":", 1)[-1] or type_


def _unknown_section(body: _Block, stacks: Sequence[StackReport]) -> None:
    found = [unknown for stack in stacks for unknown in stack.unknowns]
    section = body.block(
        f"\n<details><summary>Known only after <code>up</code>: {count(len(found), 'value')}</summary>\n",
        "\n</details>",
    )
    grouped: dict[str, list[Unknown]] = {}
    for unknown in found:
        grouped.setdefault(unknown.change.urn, []).append(unknown)
    for alike in grouped.values():
        change = alike[0].change
        paths = ", ".join(code(unknown.path, 120) for unknown in alike[:_NAMES_OF_A_RISK])
        paths += f" and {len(alike) - _NAMES_OF_A_RISK} more" if len(alike) > _NAMES_OF_A_RISK else ""
        names = list(dict.fromkeys(name for unknown in alike for name in unknown.sources))
        sources = f", from {', '.join(code(name, 80) for name in names[:3])}" if names else ""
        section.piece(
            10,
            "resources with unknown values",
            f"- {code(short_type(change.type))} {code(change.name, 80)}: {paths}{sources}",
        )


def _message_section(body: _Block, stacks: Sequence[StackReport]) -> None:
    for severity, rank, title in (("warning", 6, "Warnings"), ("info", 13, "Output of the program")):
        said = [(stack, each) for stack in stacks for each in stack.messages if each.severity == severity]
        section = body.block(f"\n<details><summary>{title}: {len(said)}</summary>\n", "\n</details>")
        for stack, each in said:
            about = f"{code(stack.name)}{f', {code(each.about)}' if each.about else ''}:"
            section.piece(rank, f"{severity} messages", f"{about}\n\n{fence(each.message)}\n")
