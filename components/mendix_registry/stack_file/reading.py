"""From Pulumi's configuration to :class:`Settings`: everything is checked, and every problem reported at once."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mendix_registry.kinds import KINDS
from mendix_registry.settings.problems import (
    PROJECT,
    ConfigurationError,
    Location,
    Problem,
    Rule,
    Severity,
    did_you_mean,
)
from mendix_registry.settings.stack import Settings
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import rules
from mendix_registry.stack_file.stack_settings import StackSettings, authentication_owner


@dataclass(frozen=True, slots=True)
class Reading:
    """Good settings and the warnings about them."""

    settings: Settings
    warnings: tuple[Problem, ...]


STK001 = Rule("STK001", "there is no such key", "it would have no effect", "{suggestion}")
STK002 = Rule("STK002", "an object or a list is needed, not a text", "", "see docs/kinds for the form of {name}")


def parse(
    values: Mapping[str, Any], encrypted: Collection[str] = (), surroundings: Surroundings | None = None
) -> Reading:
    """Checks a stack's configuration.

    Args:
        values: all configuration keys with their namespace, as Pulumi hands them to programs: objects and lists as JSON text.
        encrypted: the keys that hold something encrypted.
        surroundings: where ``{environment: …}`` and ``{file: …}`` look; default: this process. Where values may be unknown, the
            rules between fields are left out.

    Raises:
        ConfigurationError: with every problem.
    """
    surroundings = surroundings or Surroundings()
    prefix = f"{PROJECT}:"
    known = _keys(StackSettings)
    problems: list[Problem] = []
    raw: dict[str, Any] = {}
    for key, value in values.items():
        if not key.startswith(prefix):
            continue
        name = key.removeprefix(prefix)
        if name not in known:
            problems.append(STK001.at((name,), suggestion=did_you_mean(name, known)))
            continue
        try:
            raw[name] = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            problems.append(STK002.at((name,), name=name))
    settings, found = _validate(raw, surroundings)
    failed = [problem.location for problem in problems]
    problems += (problem for problem in found if problem.location not in failed)
    # The rules check values, which may be unknown.
    if settings is not None and not surroundings.unknown:
        broken = [problem.location for problem in problems]
        keys = {key.removeprefix(prefix) for key in encrypted}
        problems += (
            p
            for p in rules.check(settings, keys)
            if not _overlaps(p.location, broken) and not _would_be_default(p.location, broken)
        )
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors or settings is None:
        raise ConfigurationError(sorted(errors, key=_file_order))
    return Reading(settings, tuple(p for p in problems if p.severity is Severity.WARNING))


def _validate(raw: dict[str, Any], surroundings: Surroundings) -> tuple[Settings | None, list[Problem]]:
    """The settings, or what is wrong with them; if leaving out the wrong values gives settings, those as well, so that the rules
    between fields can still speak about the rest."""
    try:
        return _model(raw, surroundings), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    problems = [_problem(detail, raw) for detail in details]
    places = [problem.location for problem in problems]
    # pydantic also counts a list's wrong entries as missing ones.
    short = {_resolve(detail["loc"])[0] for detail in details if detail["type"] == "too_short"}
    problems = [
        p for p in problems if p.location not in short or not any(_inside(place, p.location) for place in places)
    ]
    pruned = _copied(raw)
    for problem in problems:
        remove(pruned, problem.location)
    try:
        return _model(pruned, surroundings), problems
    except ValidationError:
        return None, problems


def _copied(value: Any) -> Any:
    """A copy of the objects and lists. What a program gave as an output stays the same output."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_copied(item) for item in cast("list[Any]", value)]
    return value


def _model(raw: dict[str, Any], surroundings: Surroundings) -> Settings:
    return StackSettings.model_validate(raw, context=surroundings, by_alias=True, by_name=False)


STK003 = Rule("STK003", "this key is missing", "{meaning}", "add {key}")
STK004 = Rule("STK004", "this must be {choices}", "{meaning}", "choose one of them")
STK005 = Rule("STK005", "the list is empty", "{meaning}", "add at least one entry")
STK006 = Rule(
    "STK006",
    "an object with keys is needed here",
    "{meaning}",
    "write its keys below it, indented, one per line",
)
STK007 = Rule("STK007", "true or false is needed here", "{meaning}", "write true or false")
STK008 = Rule("STK008", "a list is needed here", "{meaning}", "begin each entry with a dash")
STK009 = Rule(
    "STK009",
    "a text is needed here",
    "{meaning}",
    "put it in quotes if YAML reads it as a number, a boolean or nothing",
)
STK010 = Rule("STK010", "the value is not valid: {fault}", "{meaning}", "correct the value")


def _problem(detail: ErrorDetails, raw: dict[str, Any]) -> Problem:
    location, model = _resolve(detail["loc"])
    kind = detail["type"]
    context = detail.get("ctx", {})
    if kind == "rule":
        return replace(context["problem"], location=location)
    if kind == "extra_forbidden":
        return _unknown_key(location, model, raw)
    if kind == "missing":
        return STK003.at(location, meaning=_description(model, location), key=location[-1])
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _choice(location, model, context)
    if kind in ("literal_error", "enum"):
        choices = str(context["expected"]).replace("True", "true").replace("False", "false")
        return STK004.at(location, choices=choices, meaning=_description(model, location))
    if kind == "too_short":
        return STK005.at(location, meaning=_description(model, location))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return STK006.at(location, meaning=_description(model, location))
    if kind in ("bool_type", "bool_parsing"):
        return STK007.at(location, meaning=_description(model, location))
    if kind in ("tuple_type", "list_type"):
        return STK008.at(location, meaning=_description(model, location))
    if kind == "string_type":
        return STK009.at(location, meaning=_description(model, location))
    return STK010.at(location, fault=detail["msg"].lower(), meaning=_description(model, location))


STK011 = Rule("STK011", "the {noun} is missing", "", "add {key}: one of {choices}")
STK012 = Rule("STK012", "{tag!r} is no {noun} here", "", "{suggestion}")


def _choice(location: Location, model: type[BaseModel] | None, context: Mapping[str, Any]) -> Problem:
    """An object whose form depends on one of its keys (``type``, ``method``), and that key is missing or unknown."""
    key = str(context["discriminator"]).strip("'")
    words = {"type": "kind of registry", "method": "method of authentication"}.get(key, key)
    tag = context.get("tag")
    annotation = _keys(model).get(str(location[-1])) if model else None
    known = [*KINDS] if key == "type" else [tag for tag in map(_tag, _models(annotation)) if tag]
    if tag is None:
        return STK011.at((*location, key), noun=words, key=key, choices=", ".join(known))
    return STK012.at((*location, key), tag=str(tag), noun=words, suggestion=did_you_mean(str(tag), known))


STK013 = Rule(
    "STK013",
    "there is no key {key!r} here",
    "how builds authenticate stands under the key authentication",
    "see authentication in docs/kinds/{kind}.md",
)
STK014 = Rule(
    "STK014",
    "{key} authenticates builds to {owner}, beside what {kind} does",
    "Mendix can use one authentication method per namespace; it cannot combine two",
    "remove {key}, or choose the type {owner} for the namespaces that need it, in a separate stack",
)
STK015 = Rule("STK015", "there is no key {key!r} here", "it would have no effect", "{suggestion}")


def _unknown_key(location: Location, model: type[BaseModel] | None, raw: dict[str, Any]) -> Problem:
    key = str(location[-1])
    owner = authentication_owner(key)
    if location[0] == "registry" and owner and len(location) == 2:
        kind = raw["registry"].get("type")
        if kind in owner.split(" and "):
            return STK013.at(location, key=key, kind=kind)
        return STK014.at(location, key=key, owner=owner, kind=kind)
    known = _keys(model) if model else ()
    return STK015.at(location, key=key, suggestion=did_you_mean(key, known))


def _resolve(loc: Iterable[str | int]) -> tuple[Location, type[BaseModel] | None]:
    """The place in the file and the model that the last part belongs to. pydantic also names the member of a union that it
    tried, which is no part of the file."""
    location: list[str | int] = []
    annotation: Any = StackSettings
    owner: type[BaseModel] | None = None
    for part in loc:
        models = list(_models(annotation))
        tagged = [model for model in models if _tag(model) == part]
        if tagged:
            annotation = tagged[0]
            continue
        if isinstance(part, str) and (part.startswith("<") or part == "[key]"):
            continue
        location.append(part)
        if isinstance(part, int):
            annotation = _element(annotation)
            continue
        owner, annotation = next(
            ((model, _keys(model)[part]) for model in models if part in _keys(model)),
            (models[0] if models else owner, None),
        )
    return tuple(location), owner


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            yield from _models(argument)


def _element(annotation: Any) -> Any:
    if typing.get_origin(annotation) is typing.Annotated:
        return _element(typing.get_args(annotation)[0])
    arguments = typing.get_args(annotation)
    return arguments[0] if arguments else None


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("type") or model.model_fields.get("method")
    arguments = typing.get_args(field.annotation) if field else ()
    return arguments[0] if arguments and isinstance(arguments[0], str) else None


def _keys(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _description(model: type[BaseModel] | None, location: Location) -> str:
    """The first sentence of the field's documentation: what the value is for."""
    if model is None:
        return ""
    for name, field in model.model_fields.items():
        if location[-1] in (name, field.alias):
            text = " ".join((field.description or "").split())
            return text.split(". ")[0].replace("``", "")
    return ""


def remove(raw: Any, location: Location) -> None:
    """Takes the value at ``location`` out of ``raw``, if it is there."""
    target = raw
    for part in location[:-1]:
        if isinstance(target, dict):
            target = cast("dict[str, Any]", target).get(str(part))
        elif isinstance(target, list) and isinstance(part, int):
            items = cast("list[Any]", target)
            target = items[part] if part < len(items) else None
        else:
            return
    if isinstance(target, dict):
        cast("dict[str, Any]", target).pop(str(location[-1]), None)


def _inside(location: Location, outer: Location) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


def _overlaps(location: Location, others: Iterable[Location]) -> bool:
    return any(location[: len(other)] == other or other[: len(location)] == location for other in others)


def _would_be_default(location: Location, broken: Iterable[Location]) -> bool:
    """Whether ``location`` is a namespace's key whose value for all namespaces is broken: a rule saw it as missing."""
    return location[0] == "namespaces" and ("registry", location[-1]) in broken


def _file_order(problem: Problem) -> tuple[int, list[str]]:
    order = list(_keys(StackSettings))
    key = problem.location[0]
    first = order.index(str(key)) if key in order else len(order)
    return first, [f"{part:06d}" if isinstance(part, int) else part for part in problem.location]
