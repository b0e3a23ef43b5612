"""What a stack file decides about the world outside: who pushes, and what must exist before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Origin: TypeAlias = Literal["created", "existing", "imported"]
"""``created``: by this stack; ``existing``: left as it is; ``imported``: taken over by this stack."""

CREATED: Final = "created"
EXISTING: Final = "existing"
IMPORTED: Final = "imported"


@dataclass(frozen=True, slots=True)
class PlannedIdentity:
    """Who pushes for a namespace: ``what`` it is in its cloud's words, and its ``name``, None where only the cloud knows it."""

    what: str
    name: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Something that must exist before the stack: ``what`` it is, in the words of whoever makes it, and its ``name``. ``missing``
    is whether it is known not to exist."""

    what: str
    name: str
    missing: bool = False


def each(what: str, names: Iterable[str | None]) -> Iterator[Prerequisite]:
    """A prerequisite for each name, those that are None left out."""
    yield from (Prerequisite(what, name) for name in names if name)


def given(what: str, existing: Mapping[str, str], imported: Mapping[str, str]) -> Iterator[Prerequisite]:
    """A prerequisite for each namespace's own that exists, as it is or to be taken over."""
    yield from each(what, [*existing.values(), *imported.values()])
