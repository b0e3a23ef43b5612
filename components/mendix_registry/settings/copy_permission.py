"""Whether a cloud's registry lets a namespace's builder copy to a destination of ``builder.mirror``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.settings.problems import Location, Problem, Severity
from mendix_registry.settings.stack import Namespace


def repository_problems(
    namespace: Namespace, own: str, repository: str, at: Location, *, below: bool, key: str, foreign: bool
) -> Iterator[Problem]:
    """The problem of a ``repository`` that is not the namespace's ``own``, nor ``below`` it where that is allowed, by ``key``."""
    lies_below = repository.startswith(f"{own}/")
    if repository == own or (below and lies_below):
        return
    remedy = f"set {key}: true, or write it as {{repository}}:<tag>" if lies_below else "begin it with {repository}"
    yield denied(namespace, own, repository, at, remedy, foreign=foreign)


def denied(namespace: Namespace, own: str, repository: str, at: Location, remedy: str, *, foreign: bool) -> Problem:
    """What this stack does not allow the builder is refused. Where its identity is somebody else's, who may have allowed it more
    than this stack does, it is only warned of."""
    return Problem(
        "STK037",
        at,
        f"the builder of namespace {namespace.name!r} would copy to {repository!r}, but this stack allows it {own} only",
        "the registry denies the push" + (" unless somebody else has allowed it" if foreign else ""),
        remedy,
        Severity.WARNING if foreign else Severity.ERROR,
    )
