"""What happens to a program's inputs before anything else: defaults, an automatic name, the type's rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from rehearsal.emulators.rules import Problem, problems_of
from rehearsal.provider_plugins.framework.properties import Properties, plain
from rehearsal.provider_plugins.framework.resource import AutomaticName, Input, Resource


def checked(
    rtype: type[Resource[Any]], name: str, news: Properties, olds: Properties, seed: bytes
) -> tuple[Properties, list[Problem]]:
    """The inputs to work with and their problems. ``olds`` are the last checked inputs, whose automatic name stays."""
    inputs = dict(news)
    automatic = rtype.name
    if automatic is not None and inputs.get(automatic.input) is None and not inputs.get(automatic.instead):
        inputs[automatic.input] = plain(olds.get(automatic.input)) or automatic_name(automatic, name, seed)
    problems = input_problems(rtype.inputs, inputs)
    defaults = {key: declared.default for key, declared in rtype.inputs.items() if inputs.get(key) is None}
    inputs |= {key: default for key, default in defaults.items() if default is not None}
    return inputs, problems or rtype.check(plain(inputs))


def input_problems(declared: Mapping[str, Input], inputs: Properties) -> list[Problem]:
    """What is wrong with inputs, all of it."""
    problems: list[Problem] = []
    for key, value in inputs.items():
        if key.startswith("__"):  # the engine's own
            continue
        if key not in declared:
            problems.append((key, f"is not an input of this type; there are {', '.join(sorted(declared))}"))
            continue
        problems += problems_of(declared[key].rule, plain(value), key)
        given = [other for other in declared[key].conflicts if inputs.get(other) is not None]
        problems += [(key, f'"{key}": conflicts with {other}') for other in given]
    missing = [key for key, item in declared.items() if item.required and inputs.get(key) is None]
    return problems + [(key, f"Missing required property '{key}'") for key in missing]


def automatic_name(automatic: AutomaticName, name: str, seed: bytes) -> str:
    """A name that is new for each replacement, since the engine gives each another seed."""
    digits = hashlib.sha256(seed or name.encode()).hexdigest()[: automatic.digits]
    stem = name[: automatic.longest - automatic.digits - len(automatic.separator)]
    made = f"{stem}{automatic.separator}{digits}"
    return made.lower() if automatic.lower else made
