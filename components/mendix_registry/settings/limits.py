"""What stacks of one registry kind have in common: the clouds' limits that they share, and what only one of them can have.

The module ``limits`` in a kind's folder gives it as the value ``LIMITS``, which ``mendix-registry-fleet`` reads. ``keys`` are those
below ``registry`` in the stack file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mendix_registry.settings.stack import Settings

Keys: TypeAlias = tuple[str, ...]

STACK_PLACEHOLDER = "{stack}"
"""In a text of a fleet file's ``config``: the stack's number, as in its name."""

SEPARATE_STACK = "once, in a separate stack that is not part of the fleet"
"""Where to make what the stacks of a fleet share."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A cloud's limit on writes: after ``burst`` at once, ``calls`` in each ``per`` seconds. ``title`` names it as its cloud does.

    ``types`` are the beginnings of the type tokens of the resources whose creation is one write. ``in_turn``: only what is below
    the same component counts together. ``quota`` is the key of a fleet file that replaces ``calls``, None where no account has
    more.
    """

    quota: str | None
    title: str
    types: tuple[str, ...]
    calls: float
    per: float = 1
    burst: int = 0
    in_turn: bool = False

    @property
    def per_second(self) -> float:
        """Writes a second."""
        return self.calls / self.per

    def seconds(self, calls: int) -> float:
        """How long ``calls`` take at least."""
        return max(0, calls - self.burst) / self.per_second


@dataclass(frozen=True, slots=True)
class Count:
    """A cloud's limit on the number of resources of a type, over all stacks of an account, subscription or project.

    ``quota`` is the key of a fleet file that replaces ``limit``; ``keys`` and ``remedy`` are for when it is exceeded.
    """

    quota: str
    title: str
    type: str
    limit: int
    keys: Keys
    remedy: str


@dataclass(frozen=True, slots=True)
class Amount:
    """``used`` of the ``limit`` things that all stacks together may have. ``keys`` and ``remedy`` are for when it is exceeded."""

    title: str
    used: int
    limit: int
    keys: Keys
    remedy: str

    @property
    def exceeded(self) -> bool:
        """Whether the cloud would reject the last of them."""
        return self.used > self.limit


@dataclass(frozen=True, slots=True)
class Shared:
    """What every stack with the same value at ``keys`` would create or write to, as a problem: ``what``, ``why``, ``remedy``."""

    keys: Keys
    what: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Owned:
    """What only one stack may create or write to, by its ``name``: ``what`` is a sentence that ``by the stack …`` can follow. For
    each of ``keys`` one conflict is reported."""

    name: str
    keys: Keys
    what: str
    why: str
    remedy: str


def _nothing(*_: object) -> Iterator[Any]:
    yield from ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What several stacks of a kind have in common; by default nothing.

    ``cloud`` is the title for the kind's resources outside Kubernetes. ``rates`` and ``counts`` follow from the resources' types
    alone; ``amounts`` gives the limits that follow from the settings of all stacks, at least one, and their resources by type.
    ``shared``, from a stack's registry, and ``owned``, from its settings and their registry, are what stacks must not both have.
    ``by_namespace`` are objects whose keys are namespaces, ``by_repository`` lists of repositories: a stack's file has the entries
    of the namespaces in that stack.
    """

    cloud: str = "other"
    rates: tuple[Rate, ...] = ()
    counts: tuple[Count, ...] = ()
    amounts: Callable[[Sequence[Settings], Counter[str]], Iterator[Amount]] = _nothing
    shared: Callable[[Any], Iterator[Shared]] = _nothing
    owned: Callable[[Settings, Any], Iterator[Owned]] = _nothing
    by_namespace: tuple[Keys, ...] = ()
    by_repository: tuple[Keys, ...] = ()

    @property
    def quotas(self) -> frozenset[str]:
        """The keys that replace a limit in a fleet file."""
        return frozenset(each.quota for each in (*self.rates, *self.counts) if each.quota is not None)


def same_names(keys: Keys, things: str, example: str) -> Shared:
    """The problem that ``things``, which namespaces share, have the same names in every stack."""
    return Shared(
        keys,
        f"the {things} that namespaces share would have the same names in every stack",
        "each stack needs its own names; two stacks would create the same one",
        f"put {STACK_PLACEHOLDER} into it, which becomes the stack's number, such as {example}",
    )


def created_twice(repository: str, existing: str) -> Owned:
    """A repository that a stack creates; ``existing`` is what to write where it exists."""
    return Owned(
        repository,
        ("repository",),
        f"the repository {repository} would be created",
        "the second of them fails, and the first that is destroyed deletes it for all",
        f"put {{namespace}} into it, so that each namespace has its own; or create it {SEPARATE_STACK}, and write {existing}",
    )
