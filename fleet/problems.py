"""What can be wrong with a fleet file; everything is reported at once, in the words of the stack files' own problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FleetProblem:
    """One thing to report. ``path`` is where it stands in the fleet file (``namespaces[3].name``) or in another file that it
    names; ``what`` is wrong there; ``why`` it matters (may be empty); ``remedy`` is what to do."""

    path: str
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        lines = [self.path, f"    {_sentence(self.what)}"]
        if self.why:
            lines.append(f"    why: {_sentence(self.why)}")
        if self.remedy:
            lines.append(f"    do:  {_sentence(self.remedy)}")
        return "\n".join(lines)


class FleetError(Exception):
    """The fleet is refused; ``problems`` holds every reason. Nothing was written."""

    def __init__(self, problems: Iterable[FleetProblem]) -> None:
        self.problems: Sequence[FleetProblem] = tuple(problems)
        count = len(self.problems)
        head = f"The fleet has {count} problem{'s' if count != 1 else ''}; nothing was written."
        super().__init__("\n\n".join([head, *map(str, self.problems)]))


def _sentence(text: str) -> str:
    # A name such as secretsProvider keeps its spelling.
    word = text.split(" ", 1)[0]
    start = text[:1].upper() if word.replace("-", "").isalpha() and word.islower() else text[:1]
    return start + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
