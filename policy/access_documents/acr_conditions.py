"""Conditions of Azure role assignments, version 2.0: for which repositories an action is allowed.

Source: learn.microsoft.com/azure/role-based-access-control/conditions-format, and for registries the page
"container-registry-rbac-abac-repository-permissions". A condition holds for each action by itself: one that tests the name for
``content/read`` only leaves ``content/write`` open on every repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

from access_documents.patterns import ANYTHING, both, covers, is_pattern, matches, may_meet

ACTION = "Microsoft.ContainerRegistry/registries/repositories/"
_NAME = "@request[microsoft.containerregistry/registries/repositories:name]"


@dataclass(frozen=True, slots=True)
class Reach:
    """The repositories that an action is allowed on: at most these, never fewer than Azure allows.

    ``names``: exact ones, and patterns. ``others``: all repositories, or all but some; then there are no names.
    ``understood``: false where the condition, or the part that decides, cannot be read. Then it may be any.
    """

    names: tuple[str, ...] = ()
    others: bool = False
    understood: bool = True

    @property
    def too_wide(self) -> tuple[str, ...]:
        """The patterns, but for all below a repository that is named itself: that is what creation on push needs."""
        return tuple(
            name for name in self.names if is_pattern(name) and not (name[-2:] == "/*" and name[:-2] in self.names)
        )


@lru_cache(maxsize=1024)
def reach(condition: str, action: str) -> Reach:
    """Where ``action`` (``content/write``) is allowed by an assignment with this condition; empty for none."""
    if not condition.strip():
        return Reach(others=True)
    try:
        region = _parsed(condition)((ACTION + action).lower(), True)
    except (_UnreadableError, RecursionError):
        return Reach(others=True, understood=False)
    if region.all_but:
        return Reach(others=True, understood=not region.unread)
    return Reach(tuple(sorted(region.names)))


class _UnreadableError(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class _Region:
    """Repositories: those of the names, or all but those."""

    names: frozenset[str] = frozenset()
    all_but: bool = False
    unread: bool = False
    """Whether something that cannot be read decides that it is all."""


_EVERY, _NONE, _UNREAD = _Region(all_but=True), _Region(), _Region(all_but=True, unread=True)

_Node = Callable[[str, bool], _Region]
"""The region of an action for which an expression holds (or, with False, does not), or more. Negation goes down to the single
tests, which have an exact opposite; so what is too much never becomes too little."""


def _or(one: _Region, two: _Region) -> _Region:
    unread = one.unread or two.unread
    if one.all_but and two.all_but:
        # Left out by both. What may be left out by one only is in.
        rest = {name for name in one.names if any(covers(other, name) for other in two.names)}
        rest |= {name for name in two.names if any(covers(other, name) for other in one.names)}
        return _Region(frozenset(rest), True, unread)
    if one.all_but or two.all_but:
        but, some = (one, two) if one.all_but else (two, one)
        rest = {name for name in but.names if not any(may_meet(name, other) for other in some.names)}
        return _Region(frozenset(rest), True, unread)
    return _Region(one.names | two.names)


def _and(one: _Region, two: _Region) -> _Region:
    if one.all_but and two.all_but:
        # All but some, where one of the two is not known to be all.
        return _Region(one.names | two.names, True, one.unread or two.unread)
    if one.all_but or two.all_but:
        but, some = (one, two) if one.all_but else (two, one)
        return _Region(frozenset(name for name in some.names if not any(covers(other, name) for other in but.names)))
    return _Region(frozenset(found for a in one.names for b in two.names if (found := both(a, b)) is not None))


def _compared(operator: str, value: str) -> _Region:
    """The region of a name that compares with a value. Repositories are lower case, and have neither ``*`` nor ``?``."""
    kind = operator.removesuffix("ignorecase")
    folded = value.lower() if operator.endswith("ignorecase") else value
    if kind == "stringlike":
        pattern = folded
    elif kind in ("stringequals", "stringstartswith"):
        if "*" in folded or "?" in folded:
            return _NONE
        pattern = folded + ANYTHING if kind == "stringstartswith" else folded
    else:
        return _UNREAD
    if not pattern or pattern.lower() != pattern:
        return _NONE
    return _Region(frozenset({pattern})) if pattern.strip(ANYTHING) else _EVERY


def _opposite(region: _Region) -> _Region:
    return region if region.unread else _Region(region.names, not region.all_but)


_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<attribute>@[A-Za-z]+\[[^\]]+\])"
    r"|(?P<mark>&&|\|\||[(){},!])|(?P<word>[A-Za-z]+(?::[A-Za-z]+)?)|(?P<number>-?\d[\d.]*))"
)


@lru_cache(maxsize=256)
def _parsed(condition: str) -> _Node:
    tokens: list[tuple[str, str]] = []
    condition, position = condition.rstrip(), 0
    while position < len(condition):
        match = _TOKEN.match(condition, position)
        if match is None:
            raise _UnreadableError
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    return _Parser(tokens).whole()


class _Parser:
    """Recursive descent over ``!``, ``&&``, ``||``, brackets, functions and comparisons."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0

    def whole(self) -> _Node:
        node = self._either()
        if self._next < len(self._tokens):
            raise _UnreadableError
        return node

    def _either(self) -> _Node:
        nodes = [self._every()]
        while self._accept("||", "or"):
            nodes.append(self._every())
        return _joined(nodes, _or, _and)

    def _every(self) -> _Node:
        nodes = [self._single()]
        while self._accept("&&", "and"):
            nodes.append(self._single())
        return _joined(nodes, _and, _or)

    def _single(self) -> _Node:
        if self._accept("!", "not"):
            inner = self._single()
            return lambda action, wanted: inner(action, not wanted)
        if self._accept("("):
            node = self._either()
            self._expect(")")
            return node
        kind, value = self._take()
        if kind == "word" and value.lower() == "actionmatches":
            patterns = [pattern.lower() for pattern in self._values()]
            return lambda action, wanted: (
                _EVERY if any(matches(action, pattern) for pattern in patterns) == wanted else _NONE
            )
        if kind == "word" and value.lower() in ("suboperationmatches", "exists", "notexists"):
            self._values()
            return lambda action, wanted: _UNREAD
        if kind == "attribute":
            return self._comparison(value)
        raise _UnreadableError

    def _comparison(self, attribute: str) -> _Node:
        kind, operator = self._take()
        if kind != "word":
            raise _UnreadableError
        quantifier, _, plain = operator.lower().rpartition(":")
        values = self._values()
        negated = "not" in plain
        regions = [_compared(plain.replace("not", "", 1), value) for value in values]
        if attribute.lower() != _NAME or not values or any(region.unread for region in regions):
            return lambda action, wanted: _UNREAD
        tests = [_opposite(region) if negated else region for region in regions]
        # A repository has one name, so whether any or every value on the left is meant is the same.
        if quantifier in ("foranyofanyvalues", "forallofanyvalues") or (not quantifier and len(values) == 1):
            return _joined([_constant(test) for test in tests], _or, _and)
        if quantifier in ("foranyofallvalues", "forallofallvalues"):
            return _joined([_constant(test) for test in tests], _and, _or)
        return lambda action, wanted: _UNREAD

    def _values(self) -> list[str]:
        """The texts on the right side; none where there is something else, such as a number or another attribute."""
        if not self._accept("{"):
            return self._value()
        values = self._value()
        while self._accept(","):
            values += self._value()
        self._expect("}")
        return values

    def _value(self) -> list[str]:
        kind, value = self._take()
        if kind == "text":
            return [re.sub(r"\\(.)", r"\1", value[1:-1])]
        if kind in ("number", "attribute") or (kind == "word" and value.lower() in ("true", "false")):
            return []
        raise _UnreadableError

    def _accept(self, *wanted: str) -> bool:
        if self._next < len(self._tokens):
            kind, value = self._tokens[self._next]
            if kind in ("mark", "word") and value.lower() in wanted:
                self._next += 1
                return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            raise _UnreadableError

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise _UnreadableError
        self._next += 1
        return self._tokens[self._next - 1]


_Join = Callable[[_Region, _Region], _Region]


def _joined(nodes: Sequence[_Node], join: _Join, opposite: _Join) -> _Node:
    if len(nodes) == 1:
        return nodes[0]
    return lambda action, wanted: reduce(join if wanted else opposite, (node(action, wanted) for node in nodes))


def _constant(region: _Region) -> _Node:
    return lambda action, wanted: region if wanted else _opposite(region)
