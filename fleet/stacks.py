"""From the fleet to its stacks: which namespace is in which, and what each stack's configuration is.

A namespace's stack depends on its name and the number of stacks alone (rendezvous hashing, ``mendix_registry.sharding``), so one
that comes or goes changes the file of one stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from fleet.fleet_file import Fleet
from fleet.members import Member
from fleet.problems import FleetError, FleetProblem
from mendix_registry.kinds import KINDS
from mendix_registry.settings.limits import STACK_PLACEHOLDER, Limits
from mendix_registry.settings.values import Surroundings
from mendix_registry.sharding import shard
from mendix_registry.stack_file import PROJECT, ConfigurationError, Problem, Settings, parse

UNSET = "unset"
"""Stands for the value of an environment variable that only the deploying machine has."""

_DIGITS = re.compile(r"\d+")

_NAMESPACES = f"{PROJECT}:namespaces"
_REGISTRY = f"{PROJECT}:registry"


@dataclass(frozen=True, slots=True)
class FleetStack:
    """One stack of the fleet: ``config`` is what its file has under ``config``, ``settings`` the same, checked."""

    name: str
    number: int
    members: tuple[Member, ...]
    config: Mapping[str, Any] = field(repr=False)
    settings: Settings = field(repr=False)


def stack_name(fleet_name: str, number: int) -> str:
    """``prod-07``. A fleet that grows beyond 100 stacks renames none."""
    return f"{fleet_name}-{number:02d}"


def stack_number(namespace: str, stacks: int) -> int:
    """Which stack a namespace is in, counted from 0. It never changes between versions of this project."""
    # The roles and identities that namespaces of a stack share are chosen by the hash of the bare name. With the same hash here,
    # all namespaces of a stack would choose the same role.
    return shard(f"stack of {namespace}", stacks)


def assign(members: Sequence[Member], stacks: int) -> dict[int, tuple[Member, ...]]:
    """The members of each stack that has any, by their names, so that the order in the fleet file does not matter."""
    groups: dict[int, list[Member]] = {}
    for member in sorted(members, key=lambda member: member.name):
        groups.setdefault(stack_number(member.name, stacks), []).append(member)
    return {number: tuple(groups[number]) for number in sorted(groups)}


def make_stacks(
    fleet: Fleet, members: Sequence[Member], environment: Mapping[str, str], directory: Path
) -> tuple[FleetStack, ...]:
    """The stacks, each checked by the same rules as its program will.

    ``environment`` and ``directory`` are where ``{environment: …}`` and ``{file: …}`` look. A variable that is not set here is
    taken as set on the machine that deploys, wherever its value does not decide about the plan.

    Raises:
        FleetError: with every problem of every stack; what several stacks have in common, once.
    """
    problems = list(_common_problems(fleet, members))
    if problems:
        raise FleetError(problems)
    variables = _Variables(environment)
    surroundings = Surroundings(variables, directory)
    stacks: list[FleetStack] = []
    told = _Told()
    for number, own in assign(members, fleet.stacks).items():
        config = stack_config(fleet.config, number, own)
        try:
            settings = parse(config, surroundings=surroundings).settings
        except ConfigurationError as error:
            for problem in error.problems:
                told.add(_in_fleet(problem, own, config, variables), stack_name(fleet.name, number))
            continue
        stacks.append(FleetStack(stack_name(fleet.name, number), number, own, config, settings))
    problems = told.problems()
    if problems:
        raise FleetError(problems)
    return tuple(stacks)


def stack_config(common: Mapping[str, Any], number: int, members: Sequence[Member]) -> dict[str, Any]:
    """What a stack file has under ``config``."""
    config = cast("dict[str, Any]", _numbered(common, f"{number:02d}"))
    registry = config.get(_REGISTRY)
    if isinstance(registry, dict):
        _narrow(cast("dict[str, Any]", registry), members)
    config[_NAMESPACES] = [dict(member.entry) for member in members]
    return config


def environment_names(value: Any) -> set[str]:
    """The environment variables that a configuration names."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        if list(mapping) == ["environment"] and isinstance(mapping["environment"], str):
            return {mapping["environment"]}
        return {name for item in mapping.values() for name in environment_names(item)}
    if isinstance(value, list):
        return {name for item in cast("list[Any]", value) for name in environment_names(item)}
    return set()


class _Told:
    """Problems of stacks, each once: what is wrong in the same place of many, in the words of the first."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], tuple[FleetProblem, list[str]]] = {}

    def add(self, problem: FleetProblem, stack: str) -> None:
        # Numbers differ from stack to stack, and with them the words.
        key = (problem.path, _DIGITS.sub("#", problem.what), problem.why)
        self._found.setdefault(key, (problem, []))[1].append(stack)

    def problems(self) -> list[FleetProblem]:
        return [self._one(problem, stacks) for problem, stacks in self._found.values()]

    def _one(self, problem: FleetProblem, stacks: list[str]) -> FleetProblem:
        if not problem.path.startswith("config.") or not _DIGITS.search(problem.what):
            return problem
        others = f" (and {len(stacks) - 1} more)" if len(stacks) > 1 else ""
        return replace(problem, what=f"in the stack {stacks[0]}{others}: {problem.what}")


class _Variables(Mapping[str, str]):
    """The environment, where a variable that is not set has a value nevertheless; ``unset`` remembers which."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.unset: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = self._environment.get(name)
        if value is None:
            self.unset.add(name)
            return UNSET
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def _common_problems(fleet: Fleet, members: Sequence[Member]) -> Iterator[FleetProblem]:
    if _NAMESPACES in fleet.config:
        yield FleetProblem(
            f"config.{_NAMESPACES}",
            "the namespaces do not stand under config",
            "each stack gets its own list",
            "write them under the fleet's key namespaces",
        )
    for path in _encrypted(fleet.config, "config"):
        yield FleetProblem(
            path,
            "this value is encrypted",
            "each stack has its own key, so what one can decrypt, the others cannot",
            "write {environment: NAME}; the operator and the pipelines set that variable from a Secret",
        )
    names = {member.name for member in members}
    registry = fleet.config.get(_REGISTRY)
    for keys in _limits(registry).by_namespace:
        mapping = _at(registry, keys)
        if isinstance(mapping, dict):
            for name in sorted(cast("dict[str, Any]", mapping).keys() - names):
                yield FleetProblem(
                    f"config.{_REGISTRY}.{'.'.join(keys)}.{name}",
                    f"{name!r} is no namespace of the fleet",
                    "no stack would get this entry",
                    "correct the name, or remove the entry",
                )
    # With {stack} in it, a repository's name is known only in its stack.
    if not isinstance(registry, dict) or STACK_PLACEHOLDER in str(registry):
        return
    used = _repositories(cast("dict[str, Any]", registry), members)
    for keys in _limits(registry).by_repository:
        listed = _at(registry, keys)
        for number, name in enumerate(cast("list[Any]", listed) if isinstance(listed, list) else []):
            if isinstance(name, str) and name not in used:
                yield FleetProblem(
                    f"config.{_REGISTRY}.{'.'.join(keys)}[{number}]",
                    f"{name!r} is no repository of the fleet's namespaces",
                    "no stack would get this entry",
                    "correct the name, or remove the entry",
                )


def _limits(registry: object) -> Limits:
    """The limits of the registry's kind, if it has one."""
    kind = _at(registry, ("type",))
    return KINDS[kind].limits if isinstance(kind, str) and kind in KINDS else Limits()


def _repositories(registry: Mapping[str, Any], members: Sequence[Member]) -> set[str]:
    pattern = registry.get("repository")
    return {str(member.entry.get("repository") or pattern).replace("{namespace}", member.name) for member in members}


def _encrypted(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if list(mapping) == ["secure"]:
            yield path
            return
        for key, item in mapping.items():
            yield from _encrypted(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _encrypted(item, f"{path}[{number}]")


def _numbered(value: Any, number: str) -> Any:
    if isinstance(value, str):
        return value.replace(STACK_PLACEHOLDER, number)
    if isinstance(value, Mapping):
        return {key: _numbered(item, number) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_numbered(item, number) for item in cast("list[Any]", value)]
    return value


def _narrow(registry: dict[str, Any], members: Sequence[Member]) -> None:
    names = {member.name for member in members}
    limits = _limits(registry)
    for keys in limits.by_namespace:
        mapping = _at(registry, keys)
        parent = _at(registry, keys[:-1])
        if isinstance(mapping, dict) and isinstance(parent, dict):
            own = {name: item for name, item in cast("dict[str, Any]", mapping).items() if name in names}
            _set_or_drop(cast("dict[str, Any]", parent), keys[-1], own, keep=keys[-1] == "passwords")
    own_repositories = _repositories(registry, members)
    for keys in limits.by_repository:
        listed = _at(registry, keys)
        parent = _at(registry, keys[:-1])
        if isinstance(listed, list) and isinstance(parent, dict):
            # What is no name at all stays, so that the rules can report it.
            own = [name for name in cast("list[Any]", listed) if not isinstance(name, str) or name in own_repositories]
            _set_or_drop(cast("dict[str, Any]", parent), keys[-1], own)


def _set_or_drop(parent: dict[str, Any], key: str, value: Any, *, keep: bool = False) -> None:
    if value or keep:
        parent[key] = value
    else:
        del parent[key]


def _at(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(key)
    return value


def _in_fleet(
    problem: Problem, members: Sequence[Member], config: Mapping[str, Any], variables: _Variables
) -> FleetProblem:
    """The problem of a stack, where it stands in the fleet file."""
    location = problem.location
    path, what = problem.path, problem.what
    if location[:1] == ("namespaces",) and len(location) > 1 and isinstance(location[1], int):
        # Where several are wrong in the same way, each has its own place.
        path = members[location[1]].path + "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in location[2:]
        )
    names = environment_names(value_at(config, location)) & variables.unset
    if names:
        name = sorted(names)[0]
        return FleetProblem(
            path,
            f"the environment variable {name} is not set here",
            "the form of its value is checked before anything is written",
            f"export {name} for this command, with the value that it has where the stacks are deployed",
        )
    return FleetProblem(path, what, problem.why, problem.remedy)


def value_at(config: Mapping[str, Any], location: Sequence[str | int]) -> Any:
    """What ``config`` has at a place, None where it has nothing."""
    if not location:
        return None
    value: Any = config.get(f"{PROJECT}:{location[0]}")
    for part in location[1:]:
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[part]
        else:
            return None
    return value
