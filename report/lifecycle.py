"""ECR's lifecycle policies: what they take from a repository that they left there before.

Source: docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html. A rule expires images, or moves them to the
archive, from where they cannot be pulled until they are restored. It counts images, or days since the push, the last pull, or the
move to the archive. An image is taken by the first rule, by priority, that selects it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from report.values import at, document, listing, mapping, text, texts

_EXPIRED: Final = "ECR deletes the images that this rule selects, those that apps run on too."
_ARCHIVED: Final = (
    "ECR moves the images that this rule selects to the archive, those that apps run on too: no pod can pull them until they are "
    "restored."
)
_BY_PULL: Final = " A node that has an image does not pull it again, so what runs for long looks unused."


@dataclass(frozen=True, slots=True)
class _Selection:
    """What a rule selects, apart from its number."""

    status: str
    kind: str
    unit: str
    storage: str
    which: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(part for part in (self.status, *self.which, self.kind) if part)


_Rules = dict[tuple[str, _Selection], float]
"""Numbers by action (``expire``, ``transition``) and selection, in the order of their priorities."""


def stricter_rules(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """What a lifecycle policy takes more than before: why that matters, and the rule in its own words."""
    before, after = _rules(old), _rules(new)
    for (action, selection), number in after.items():
        # What was deleted is no loss to the archive.
        known = [before[each, selection] for each in {action, "expire"} if (each, selection) in before]
        why = (_ARCHIVED if action == "transition" else _EXPIRED) + (
            _BY_PULL if "pull" in selection.kind.lower() else ""
        )
        if not known:
            yield why, f"{selection} {number:g}"
        elif number < max(known):
            yield why, f"{selection} {max(known):g} → {number:g}"
    still = {selection for _, selection in after}
    for _, selection in before:
        # What an earlier rule keeps, a later one cannot delete. Without it, it can.
        if selection not in still and any(
            each.status in ("any", selection.status) and (action, each) in before for action, each in after
        ):
            yield _EXPIRED, f"{selection.status} {selection.kind} no longer kept apart"
    shared = [rule for rule in before if rule in after]
    if shared != [rule for rule in after if rule in before]:
        yield (
            "The order of the rules changes: a later one now takes images that an earlier one kept apart.",
            "rulePriority",
        )


def only_untagged(policy: Any) -> bool:
    """Whether a lifecycle policy takes nothing but untagged images."""
    return all(selection.status == "untagged" for _, selection in _rules(policy))


def _rules(policy: Any) -> _Rules:
    found: _Rules = {}
    for rule in sorted(listing(at(document(policy), "rules")), key=_priority):
        selection = mapping(at(rule, "selection"))
        action = text(at(rule, "action", "type"))
        if action not in ("expire", "transition"):
            continue
        number = selection.get("countNumber")
        known = number if isinstance(number, int | float) else 0
        key = (
            action,
            _Selection(
                text(selection.get("tagStatus")),
                text(selection.get("countType")),
                text(selection.get("countUnit")),
                text(selection.get("storageClass")),
                tuple(sorted(texts(selection.get("tagPrefixList")) + texts(selection.get("tagPatternList")))),
            ),
        )
        found[key] = min(known, found.get(key, known))
    return found


def _priority(rule: Any) -> float:
    priority = at(rule, "rulePriority")
    return priority if isinstance(priority, int | float) else 0
