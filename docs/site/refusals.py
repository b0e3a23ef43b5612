"""What the configuration refuses, read from its source: the words of every ``Problem`` and ``refusal``.

A rule is a function that yields problems, or a validator that raises one. Its id is a literal, and so are its words, mostly with
values filled in; here each filled-in value is an ellipsis.
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
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused, or warned of, by a ``rule``: ``what`` is wrong, ``why`` it matters, what to do (``remedy``)."""

    rule: str
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
    validator = inspect.unwrap(validator)
    try:
        module = inspect.getmodule(validator)
        # A validator that a function makes is read with that function.
        name = validator.__qualname__.partition(".")[0]
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
    """The rules of a module, in its order: those of its functions, and of its classes' methods."""
    path = inspect.getsourcefile(module) or ""
    words = _Words(module)
    for function in (*_functions(path).values(), *_methods(path)):
        refusals = tuple(dict.fromkeys(words.told(function)))
        if refusals:
            meaning = " ".join((ast.get_docstring(function) or "").split())
            yield Rule(meaning.partition(" Args:")[0], refusals)


@cache
def _functions(path: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _methods(path: str) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(Path(path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield from (inner for inner in node.body if isinstance(inner, ast.FunctionDef))


def _assigned(function: ast.FunctionDef, word: ast.expr) -> ast.expr:
    """What a local variable was assigned where it is used as ``word``; any other expression, or one of several, as it is."""
    if not isinstance(word, ast.Name):
        return word
    blocks = (getattr(node, name, None) for node in ast.walk(function) for name in ("body", "orelse"))
    for block in (cast("list[ast.stmt]", block) for block in blocks if isinstance(block, list)):
        if any(word is inner for statement in block for inner in ast.walk(statement)):
            for statement in block:
                match statement:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == word.id:
                        return value
                    case _:
                        pass
    return word


class _Words:
    """Reads the words of refusals in ``module``: its constants are filled in, anything else that a text holds is an ellipsis."""

    def __init__(self, module: ModuleType) -> None:
        self._constants = {name: value for name, value in vars(module).items() if isinstance(value, str | int)}

    def told(self, function: ast.FunctionDef) -> Iterator[Refusal]:
        calls = (
            (node, node.func.id)
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        )
        told = ((node, name) for node, name in calls if name in ("refusal", "Problem"))
        for node, name in sorted(told, key=lambda each: each[0].lineno):
            rule, *words = (_assigned(function, each) for each in node.args)
            words = words[0 if name == "refusal" else 1 :]
            if not isinstance(rule, ast.Constant):
                # What another place has found is handed on.
                continue
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            texts = [self._text(word) for word in words[:3]]
            texts += [
                self._text(named[name]) if name in named else "" for name in ("what", "why", "remedy")[len(texts) :]
            ]
            severity = [*words[3:], *([named["severity"]] if "severity" in named else [])]
            yield Refusal(str(rule.value), *texts, warning=any("WARNING" in ast.dump(part) for part in severity))

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
            case ast.Name(id=name) if name in self._constants:
                return str(self._constants[name])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._raw(left) + self._raw(right)
            case ast.IfExp(body=body):
                return self._raw(body)
            case _:
                return "…"
