"""Every rule about a stack file is a constant with an id, which its message, its source and its documentation show."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from mendix_registry.settings.problems import Rule
from tests.conftest import ROOT

LIBRARY = ROOT / "components" / "mendix_registry"
PREFIXES = {
    "generic": "GNR",
    "docker_secret": "DKS",
    "amazon_ecr": "ECR",
    "microsoft_acr": "ACR",
    "google_gcr": "GAR",
    "openshift": "OCP",
}
"""The prefix of each folder of ``kinds``. Everything else has ``STK``."""

RETIRED: frozenset[str] = frozenset()
"""The ids of rules that are gone. A number is never used again: what people have found under it is about the old rule."""


SOURCES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(LIBRARY.rglob("*.py"))}


def defined(path: Path) -> Iterator[tuple[str, Rule, ast.stmt]]:
    """A module's rules: each constant's name, its value, and the function or class that it stands above."""
    body = SOURCES[path].body
    for index, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Rule"))):
                module = importlib.import_module(".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts))
                below = next(each for each in body[index:] if isinstance(each, ast.FunctionDef | ast.ClassDef))
                yield name, getattr(module, name), below
            case _:
                pass


def calls(node: ast.AST, *methods: str) -> Iterator[tuple[str, ast.Call]]:
    """The ids of the rules of which a method is called, and the call."""
    for found in ast.walk(node):
        match found:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in methods:
                if re.fullmatch(r"[A-Z]{3}\d{3}", name):
                    yield name, found
            case _:
                pass


DEFINED = [(path, *each) for path in SOURCES for each in defined(path)]
RULES = {rule.id: rule for _, _, rule, _ in DEFINED}


def prefix(path: Path) -> str:
    room, folder, *_ = path.relative_to(LIBRARY).parts
    return PREFIXES[folder] if room == "kinds" else "STK"


def test_a_rule_is_a_constant_named_by_its_id() -> None:
    assert len(DEFINED) == len(RULES) > 300
    wrong = [
        (path, name)
        for path, name, rule, _ in DEFINED
        if name != rule.id or not re.fullmatch(rf"{prefix(path)}\d{{3}}", name)
    ]
    assert wrong == []
    made = [
        node.func.id
        for tree in SOURCES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Rule", "Problem")
    ]
    assert made.count("Rule") == len(DEFINED), "a rule is not a constant of a module"
    assert made.count("Problem") == 1, "a problem is made by its rule's method `at`"


def test_a_rule_stands_above_a_function_that_checks_it() -> None:
    """The reference shows that function's docstring as the meaning."""
    assert [name for _, name, _, below in DEFINED if name not in dict(calls(below, "at", "error"))] == []


def test_a_call_gives_exactly_its_placeholders_values() -> None:
    wrong = [
        f"{path}:{call.lineno}: {name}"
        for path, tree in SOURCES.items()
        for name, call in calls(tree, "at", "error")
        if {keyword.arg for keyword in call.keywords} != placeholders(RULES[name])
    ]
    assert wrong == []


def placeholders(rule: Rule) -> set[str]:
    return {
        name
        for text in (rule.what, rule.why, rule.remedy)
        for _, name, _, _ in Formatter().parse(text)
        if name is not None
    }


def test_a_validator_declares_the_rules_that_it_raises() -> None:
    """Itself, and in the functions of its module that it calls. What every value may be is in ``settings/values.py``, and has its
    own page."""
    wrong = {
        f"{path}: {validator.name}": (declared, raised)
        for path, tree in SOURCES.items()
        if path != LIBRARY / "settings" / "values.py"
        for validator in validators(tree)
        if (declared := declares(validator)) != (raised := raises(validator, functions(tree)))
    }
    assert wrong == {}


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def validators(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions of the module that pydantic calls for a value, and those that make such a function."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id="known" | "AfterValidator" | "BeforeValidator" | "PlainValidator"),
                args=[ast.Name(id=name) | ast.Call(func=ast.Name(id=name))],
            ) if name in functions(tree):
                yield functions(tree)[name]
            case _:
                pass


def declares(validator: ast.FunctionDef) -> set[str]:
    return {
        argument.id
        for node in ast.walk(validator)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "raises"
        for argument in node.args
        if isinstance(argument, ast.Name)
    }


def raises(function: ast.FunctionDef, others: dict[str, ast.FunctionDef]) -> set[str]:
    found = {name for name, _ in calls(function, "error")}
    left = {name: other for name, other in others.items() if name != function.name}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in left:
            found |= raises(left[node.func.id], left)
    return found


def test_ids_of_a_prefix_have_gaps_for_retired_rules() -> None:
    assert not RULES.keys() & RETIRED
    for prefix in ("STK", *PREFIXES.values()):
        numbers = sorted(int(rule[3:]) for rule in RULES.keys() | RETIRED if rule.startswith(prefix))
        assert numbers == list(range(1, len(numbers) + 1)), f"take the next number of {prefix}, or add to RETIRED"


def test_a_value_keeps_its_braces_and_its_spelling() -> None:
    rule = Rule("STK000", "{key} has {value!r}", "{sentence}", "write {{namespace}}")
    problem = rule.at(("registry",), key="labels", value="{key}{0}", sentence="did you mean it?")
    assert (problem.what, problem.remedy) == ("labels has '{key}{0}'", "write {namespace}")
    assert str(problem).splitlines()[1:] == [
        "    labels has '{key}{0}'.",
        "    why: Did you mean it?",
        "    do:  Write {namespace}.",
    ]
