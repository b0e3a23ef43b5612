"""What the configuration refuses, read from its source: the words of every ``Problem`` and ``refusal``.

A rule is a function that yields problems, or a validator that raises one. Its words are literals, mostly with values filled
in; here each filled-in value is an ellipsis.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused, or warned of: ``what`` is wrong, ``why`` it matters, what to do (``remedy``)."""

    what: str
    why: str
    remedy: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of several keys: its meaning (empty where the function has no docstring) and its refusals."""

    meaning: str
    refusals: tuple[Refusal, ...]


def of_validator(validator: Callable[..., Any]) -> tuple[Refusal, ...]:
    """What a field's own validator refuses; with the functions of its module that it calls."""
    try:
        module = inspect.getmodule(validator)
        name = validator.__name__
        path = inspect.getsourcefile(validator)
    except (AttributeError, TypeError):
        return ()
    if module is None or path is None or not module.__name__.startswith("mendix_registry."):
        return ()
    functions = _functions(path)
    words = _Words(module)
    found: list[Refusal] = []
    waiting, seen = [name], set[str]()
    while waiting:
        current = waiting.pop(0)
        if current in seen or current not in functions:
            continue
        seen.add(current)
        found += words.told(functions[current])
        waiting += [
            node.func.id
            for node in ast.walk(functions[current])
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
    return tuple(dict.fromkeys(found))


def of_module(module: ModuleType) -> Iterator[Rule]:
    """The rules of a module of ``mendix_registry.stack_file.rules``, in its order."""
    path = inspect.getsourcefile(module) or ""
    words = _Words(module)
    for function in _functions(path).values():
        refusals = tuple(dict.fromkeys(words.told(function)))
        if refusals:
            yield Rule(" ".join((ast.get_docstring(function) or "").split()), refusals)


@cache
def _functions(path: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


class _Words:
    """Reads the words of refusals in ``module``: its constants are filled in, anything else that a text holds is an ellipsis."""

    def __init__(self, module: ModuleType) -> None:
        self._constants = {name: value for name, value in vars(module).items() if isinstance(value, str | int)}

    def told(self, function: ast.FunctionDef) -> Iterator[Refusal]:
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in ("refusal", "Problem"):
                continue
            words = node.args if node.func.id == "refusal" else node.args[1:]
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            texts = [self._text(word) for word in words[:3]]
            texts += [
                self._text(named[name]) if name in named else "" for name in ("what", "why", "remedy")[len(texts) :]
            ]
            severity = [*words[3:], *([named["severity"]] if "severity" in named else [])]
            if texts[0].strip(" …"):
                yield Refusal(*texts, warning=any("WARNING" in ast.dump(part) for part in severity))

    def _text(self, node: ast.expr) -> str:
        return re.sub(r"…(?: …)+", "…", self._raw(node))

    def _raw(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(map(self._raw, parts))
            case ast.FormattedValue(value=ast.Name(id=name)) if name in self._constants:
                return str(self._constants[name])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._raw(left) + self._raw(right)
            case ast.IfExp(body=body):
                return self._raw(body)
            case _:
                return "…"
