"""Conditions of role assignments, version 2.0: parsed as Azure parses them and evaluated for one action on one repository.

Source: learn.microsoft.com/azure/role-based-access-control/conditions-format. Of its operators those for texts are here; a
condition with others is refused when it is written, so that nothing is passed over silently.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

REPOSITORY_NAME = "Microsoft.ContainerRegistry/registries/repositories:name"


@dataclass(frozen=True, slots=True)
class Asked:
    """The action, and the attributes of ``@Request`` and ``@Resource`` by their names."""

    action: str
    attributes: Mapping[str, str]


Test: TypeAlias = Callable[[Asked], bool]
Compare: TypeAlias = Callable[[str, str], bool]

_OPERATORS: Mapping[str, Compare] = {
    "stringequals": lambda left, right: left == right,
    "stringequalsignorecase": lambda left, right: left.lower() == right.lower(),
    "stringstartswith": lambda left, right: left.startswith(right),
    "stringstartswithignorecase": lambda left, right: left.lower().startswith(right.lower()),
    "stringlike": lambda left, right: fnmatch.fnmatchcase(left, right.replace("[", "[[]")),
    "stringlikeignorecase": lambda left, right: fnmatch.fnmatchcase(left.lower(), right.lower().replace("[", "[[]")),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<attribute>@(?:Request|Resource|Principal|Environment)\[[^\]]+\])"
    r"|(?P<mark>[(){},!]|&&|\|\|)|(?P<word>[A-Za-z]+(?::[A-Za-z]+)?))"
)
_SOURCES = ("@Request[", "@Resource[")


class ConditionError(ValueError):
    """The condition cannot be read; the text states where."""


def parse(text: str) -> Test:
    """The condition as a test. Raises ConditionError."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ConditionError(f"it cannot be read from {text[position : position + 30]!r} on")
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind]))
            position = match.end()
        self._next = 0

    def whole(self) -> Test:
        test = self._either()
        if self._next < len(self._tokens):
            raise ConditionError(f"there is more after its end: {self._tokens[self._next][1]!r}")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("||") or self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda asked: any(test(asked) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._accept("&&") or self._accept("and"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else lambda asked: all(test(asked) for test in tests)

    def _single(self) -> Test:
        if self._accept("!") or self._accept("not"):
            inner = self._single()
            return lambda asked: not inner(asked)
        if self._accept("("):
            test = self._either()
            self._expect(")")
            return test
        kind, value = self._take()
        if kind == "word" and value.lower() == "actionmatches":
            patterns = self._texts()
            return lambda asked: any(fnmatch.fnmatchcase(asked.action.lower(), p.lower()) for p in patterns)
        if kind == "attribute":
            return self._comparison(value)
        raise ConditionError(f"{value!r} is neither a function, an attribute nor a bracket")

    def _comparison(self, attribute: str) -> Test:
        if not attribute.startswith(_SOURCES):
            raise ConditionError(f"the rehearsal knows attributes of @Request and @Resource only, not {attribute}")
        name = attribute.partition("[")[2].rstrip("]")
        kind, operator = self._take()
        quantified, _, plain = operator.rpartition(":")
        if quantified.lower() not in ("", "foranyofanyvalues"):
            raise ConditionError(f"the rehearsal does not know the operator {operator}")
        negated = "not" in plain.lower()
        compare = _OPERATORS.get(re.sub("not", "", plain, flags=re.IGNORECASE).lower())
        if kind != "word" or compare is None:
            raise ConditionError(f"{operator!r} after {attribute} is no operator for texts")
        values = self._texts()
        if len(values) > 1 and not quantified:
            raise ConditionError(f"{operator} takes one value; several need ForAnyOfAnyValues:{operator}")

        def test(asked: Asked) -> bool:
            found = asked.attributes.get(name)
            # An attribute that a request does not have makes every comparison false.
            return found is not None and any(compare(found, value) != negated for value in values)

        return test

    def _texts(self) -> list[str]:
        if not self._accept("{"):
            return [self._text()]
        values = [self._text()]
        while self._accept(","):
            values.append(self._text())
        self._expect("}")
        return values

    def _text(self) -> str:
        kind, value = self._take()
        if kind != "text":
            raise ConditionError(f"a text in single quotes is missing before {value!r}")
        return re.sub(r"\\(.)", r"\1", value[1:-1])

    def _accept(self, wanted: str) -> bool:
        if self._next < len(self._tokens):
            kind, value = self._tokens[self._next]
            if kind in ("mark", "word") and value.lower() == wanted:
                self._next += 1
                return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            found = self._tokens[self._next][1] if self._next < len(self._tokens) else "its end"
            raise ConditionError(f"{wanted!r} is missing before {found!r}")

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise ConditionError("it ends too early")
        self._next += 1
        return self._tokens[self._next - 1]
