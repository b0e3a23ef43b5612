"""What can be wrong with a stack file, reported so that the reader can act on it.

Every rule of the configuration reports a :class:`Problem`; all problems of a stack file are collected and raised together as
one :class:`ConfigurationError`, before any resource is registered.

Each rule is a :class:`Rule`, a constant with the name of its id. It stands directly above the function that checks it, whose
docstring is its meaning in the reference; the validator of a field names its rules with ``@raises``.

An id is ``STK`` for stack files in general, ``GNR``, ``DKS``, ``ECR``, ``ACR``, ``GAR``, ``OCP`` for the folders of ``kinds``, and
a number. A new rule gets the next number of its prefix; the number of a rule that is gone is never used again
(``tests/components/stack_file/test_rule_ids.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from pydantic_core import PydanticCustomError

PROJECT = "mendix-registry"
"""Name of the Pulumi project, which is the namespace of its configuration keys."""

Location: TypeAlias = tuple[str | int, ...]
"""Where a value stands below ``config``: the key without its namespace first, list positions as numbers from 0."""

_Validator = TypeVar("_Validator", bound=Callable[..., Any])
_VALUE_FIRST = re.compile(r"\{[^{}]*\}.")
"""A text that begins with a value. What is nothing but a placeholder is filled with a sentence."""


class Severity(StrEnum):
    """``ERROR`` rejects the stack file; ``WARNING`` is shown and the deployment goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about stack files, and the words in which it is reported: format strings with a placeholder for each value.

    ``id`` is such as ``ECR012``, to search the documentation with; ``what`` is wrong; ``why`` it matters (may be empty where it is
    plain); ``remedy`` is what to do about it.
    """

    id: str
    what: str
    why: str = ""
    remedy: str = ""
    severity: Severity = Severity.ERROR

    def at(self, location: Location, /, **values: object) -> Problem:
        """The problem at ``location``; ``values`` are those of the placeholders, and are never read as format strings."""
        what, why, remedy = (text.format_map(values) for text in (self.what, self.why, self.remedy))
        return Problem(self, location, what, why, remedy)

    def error(self, /, **values: object) -> PydanticCustomError:
        """The error that a field's own validator raises, with the problem as ``problem``; reading adds the field's place."""
        problem = self.at((), **values)
        return PydanticCustomError("rule", "{what}", {"problem": problem, "what": problem.what})


def raises(*rules: Rule) -> Callable[[_Validator], _Validator]:
    """Declares the rules of a field's validator, those of the functions that it calls included: the field's entry in the reference
    lists them."""

    def declare(validator: _Validator) -> _Validator:
        vars(validator)["rules"] = rules
        return validator

    return declare


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to report about a stack file: the ``rule`` that is broken, the ``location``, and the rule's words with values."""

    rule: Rule
    location: Location
    what: str
    why: str = ""
    remedy: str = ""

    @property
    def severity(self) -> Severity:
        """The rule's."""
        return self.rule.severity

    @property
    def path(self) -> str:
        """The place in the stack file, as ``config.mendix-registry:namespaces[1].name``."""
        return path_in_file(self.location)

    def __str__(self) -> str:
        lines = [f"{self.path}  [{self.rule.id}]", f"    {_sentence(self.what, self.rule.what)}"]
        if self.why:
            lines.append(f"    why: {_sentence(self.why, self.rule.why)}")
        if self.remedy:
            lines.append(f"    do:  {_sentence(self.remedy, self.rule.remedy)}")
        return "\n".join(lines)


class ConfigurationError(Exception):
    """The stack file is rejected. ``problems`` holds every reason, errors only, in the order of the file's keys."""

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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or the list of what there is where nothing comes close."""
    names = sorted(known)
    folded = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    return f"known here: {', '.join(names)}" if names else ""


def _sentence(text: str, template: str) -> str:
    # A value keeps its spelling, and so do names such as secretName or gcr.io/….
    word = text.split(" ", 1)[0]
    is_word = word.replace("-", "").isalpha() and word.islower() and not _VALUE_FIRST.match(template)
    start = text[:1].upper() if is_word else text[:1]
    return start + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
