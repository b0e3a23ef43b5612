"""What can be wrong with a stack file, reported so that the reader can act on it.

Every rule of the configuration reports a :class:`Problem`; all problems of a stack file are collected and raised together as
one :class:`ConfigurationError`, before any resource is registered.

Each rule has an id: ``STK`` for stack files in general, ``GNR``, ``DKS``, ``ECR``, ``ACR``, ``GAR``, ``OCP`` for the folders of
``kinds``, and a number. It stands as a literal where the problem is made, so that it can be found. A new rule takes the next
number of its prefix; the number of a rule that is gone is never used again (``tests/components/stack_file/test_rule_ids.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeAlias

from pydantic_core import PydanticCustomError

PROJECT = "mendix-registry"
"""Name of the Pulumi project, which is the namespace of its configuration keys."""

Location: TypeAlias = tuple[str | int, ...]
"""Where a value stands below ``config``: the key without its namespace first, list positions as numbers from 0."""


class Severity(StrEnum):
    """``ERROR`` refuses the stack file; ``WARNING`` is shown and the deployment goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to report about a stack file.

    ``rule`` is the id of the rule that it breaks, such as ``ECR012``, to search the documentation with; ``location`` is where
    it stands; ``what`` is wrong there; ``why`` it matters (may be empty where it is plain); ``remedy`` is what to do about it.
    """

    rule: str
    location: Location
    what: str
    why: str = ""
    remedy: str = ""
    severity: Severity = Severity.ERROR

    @property
    def path(self) -> str:
        """The place in the stack file, as ``config.mendix-registry:namespaces[1].name``."""
        return path_in_file(self.location)

    def __str__(self) -> str:
        lines = [f"{self.path}  [{self.rule}]", f"    {_sentence(self.what)}"]
        if self.why:
            lines.append(f"    why: {_sentence(self.why)}")
        if self.remedy:
            lines.append(f"    do:  {_sentence(self.remedy)}")
        return "\n".join(lines)


class ConfigurationError(Exception):
    """The stack file is refused. ``problems`` holds every reason, errors only, in the order of the file's keys."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        count = len(self.problems)
        head = f"The stack file has {count} problem{'s' if count != 1 else ''}; nothing was deployed."
        super().__init__("\n\n".join([head, *map(str, self.problems)]))


def path_in_file(location: Location) -> str:
    """The path as users and editors write it: ``config``, the namespaced key, then keys and list positions."""
    if not location:
        return "config"
    path = f"config.{PROJECT}:{location[0]}"
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def refusal(rule: str, what: str, why: str = "", remedy: str = "") -> PydanticCustomError:
    """The error that a field's own validator raises; becomes a :class:`Problem` at the field's place."""
    return PydanticCustomError("rule", "{what}", {"rule": rule, "what": what, "why": why, "remedy": remedy})


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or the list of what there is where nothing comes close."""
    names = sorted(known)
    folded = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    return f"known here: {', '.join(names)}" if names else ""


def _sentence(text: str) -> str:
    # Names such as secretName or gcr.io/… keep their spelling.
    word = text.split(" ", 1)[0]
    start = text[:1].upper() if word.replace("-", "").isalpha() and word.islower() else text[:1]
    return start + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
