"""Writes the reference of the stack file from its types: ``python -m docs.site.configuration``.

The pages lie in ``docs/reference/stack-file`` and in git, so that a code host shows them; a test fails if they are not current.
Types, defaults and limits come from the JSON Schema, meanings from docstrings, rules from the constants that the modules define
and from what the fields' validators declare.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from types import FunctionType, ModuleType
from typing import Any, cast, get_args

from pydantic import AfterValidator, BeforeValidator, PlainValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mendix_registry.kinds import KINDS
from mendix_registry.settings import copy_permission, image_name_template, named_hosts, repeated_tag, values
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.problems import Rule, Severity
from mendix_registry.settings.section import Section
from mendix_registry.settings.stack import Cluster, Namespace, OperatorConfiguration
from mendix_registry.settings.transport import Transport
from mendix_registry.settings.values import OrOutput
from mendix_registry.stack_file import program, reading
from mendix_registry.stack_file.rules import builder, general, namespaces
from mendix_registry.stack_file.schema import stack_schema

TARGET = Path(__file__).parents[1] / "reference" / "stack-file"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its file's name, title, introduction, the keys at ``path`` that ``model`` has, and the rules of several
    keys. ``elsewhere`` are the models that another page describes; ``checked`` is what the rules look at."""

    name: str
    title: str
    introduction: str
    sections: tuple[tuple[str, type[Section]], ...]
    rules: tuple[ModuleType, ...] = ()
    elsewhere: tuple[type[Section], ...] = ()
    checked: str = "What is checked over several keys."


_SHARED = (named_hosts, repeated_tag, copy_permission)
"""Rules of more than one kind."""


def _kinds() -> Iterator[Page]:
    """A page for each kind's folder, from the table of kinds."""
    folders: dict[str, list[type[Section]]] = defaultdict(list)
    names: dict[str, list[str]] = defaultdict(list)
    for kind in KINDS.values():
        folder = kind.settings.__module__.rpartition(".")[0]
        folders[folder].append(kind.settings)
        names[folder].append(f"`{kind.type}`")
    for folder, models in folders.items():
        name = folder.rpartition(".")[2].replace("_", "-")
        path = importlib.import_module(folder).__path__
        rules = [
            importlib.import_module(f"{folder}.{module.name}")
            for module in pkgutil.iter_modules(path)
            if module.name.endswith("rules")
        ]
        rules.sort(key=lambda module: len(module.__name__))
        used = [module for module in _SHARED if any(_uses(rule, module) for rule in rules)]
        yield Page(
            name,
            f"Stack file: `registry` of type {' or '.join(names[folder])}",
            f"How to use it, with the smallest stack file: [{name}](../../kinds/{name}.md).",
            tuple(("registry", model) for model in models),
            (*rules, *used),
            (Transport,),
        )


def _uses(module: ModuleType, other: ModuleType) -> bool:
    return any(value is other or getattr(value, "__module__", "") == other.__name__ for value in vars(module).values())


PAGES = (
    Page(
        "values",
        "Stack file: what holds for every key and value",
        "How a value is written: [Stack file reference](../configuration.md#how-a-value-is-written).",
        (),
        (reading, program, values),
        checked="What is checked at each key.",
    ),
    Page(
        "common",
        "Stack file: namespaces, cluster, OperatorConfiguration, transport",
        "The keys that every kind of registry has.",
        (
            ("namespaces[]", Namespace),
            ("cluster", Cluster),
            ("operatorConfiguration", OperatorConfiguration),
            ("registry.transport", Transport),
        ),
        (general, namespaces, image_name_template),
    ),
    Page(
        "builder",
        "Stack file: `builder`",
        "What the modes do: [The builder Job](../../builder.md).",
        (("builder", Builder),),
        (builder,),
    ),
    *_kinds(),
)


def texts() -> dict[str, str]:
    """Each page's file name and its text."""
    definitions: dict[str, Any] = stack_schema()["$defs"]
    return {f"{page.name}.md": "\n".join(_page(page, definitions)).rstrip() + "\n" for page in PAGES}


def _page(page: Page, definitions: dict[str, Any]) -> Iterator[str]:
    yield f"<!-- Written by python -m docs.site.configuration. -->\n\n# {page.title}\n\n{page.introduction}\n"
    waiting = [(path, model, "") for path, model in page.sections]
    listed: dict[tuple[Rule, ...], str] = {}
    while waiting:
        path, model, condition = waiting.pop(0)
        yield f"## `{path}`{condition or _condition(model)}\n"
        yield f"{_prose(definitions[model.__name__].get('description', ''))}\n"
        properties = definitions[model.__name__]["properties"]
        nested: list[tuple[str, type[Section], str]] = []
        for name, field in model.model_fields.items():
            alias = field.alias or name
            key = f"{path}.{alias}"
            models = _sections(field.annotation)
            yield f"### `{key}`\n"
            yield from _entry(field, properties[alias], definitions)
            rules = tuple(dict.fromkeys(rule for found in _validators(field) for rule in getattr(found, "rules", ())))
            if rules in listed:
                first = listed[rules]
                yield f"Rejected: as [{'above' if first == key else f'`{first}`'}](#{_anchor(first)}).\n"
            elif rules:
                listed[rules] = key
                yield from _rules(rules)
            if any(found in page.elsewhere for found in models):
                yield f"Its keys: [`{key}`](common.md#{_anchor(key)}).\n"
                continue
            step = key + _step(properties[alias], definitions)
            nested += [(step, found, _condition(found) if len(models) > 1 else "") for found in models]
        waiting = nested + waiting
    if page.rules:
        yield "## Rules\n"
        yield f"{page.checked} All of it is checked before the first resource, and all problems are reported at once.\n"
    for module in page.rules:
        for meaning, rules in _stated(module):
            if meaning:
                yield f"{_prose(meaning)}\n"
            yield from _rules(rules)


def _entry(field: FieldInfo, schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    kind = _type(schema, definitions)
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        yield f"*{kind}* · required\n"
    elif isinstance(default, Section):
        yield f"*{kind}*\n"
    elif default is None or default in ({}, ()):
        yield f"*{kind}* · optional\n"
    else:
        nullable = ", or `null`" if {"type": "null"} in schema.get("anyOf", []) else ""
        yield f"*{kind}{nullable}* · default: `{_value(default)}`\n"
    if field.description:
        yield _prose(field.description) + "\n"


def _stated(module: ModuleType) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    """The rules of a module, with their meaning: the docstring of the function (or class) that they stand above."""
    above: list[Rule] = []
    for value in vars(module).values():
        if isinstance(value, Rule):
            above.append(value)
        elif above and isinstance(value, FunctionType | type):
            yield " ".join((value.__doc__ or "").split()).partition(" Args:")[0], tuple(above)
            above.clear()


def _rules(rules: tuple[Rule, ...]) -> Iterator[str]:
    for words, severity in (("Rejected", Severity.ERROR), ("Warned of", Severity.WARNING)):
        entries = [f"- {_rule(rule)}" for rule in rules if rule.severity is severity]
        if entries:
            yield f"{words}:\n"
            yield "\n".join(entries) + "\n"


def _rule(rule: Rule) -> str:
    what, why, remedy = map(_words, (rule.what, rule.why, rule.remedy))
    text = f"`{rule.id}` *{what}*"
    if why.strip("…"):
        text += f" – {why}"
    return text + (f". Do: {remedy}." if remedy.strip("…") else ".")


def _words(template: str) -> str:
    """A rule's words for a page: each value that they are filled with is an ellipsis."""
    text = "".join(words + ("…" if name is not None else "") for words, name, _, _ in Formatter().parse(template))
    return _escaped(re.sub(r"…(?: …)+", "…", text))


def _sections(annotation: Any) -> tuple[type[Section], ...]:
    """The models inside ``annotation``, in its order."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return (annotation,)
    return tuple(found for part in get_args(annotation) for found in _sections(part))


def _validators(field: FieldInfo) -> Iterator[Any]:
    def within(annotation: Any) -> Iterator[Any]:
        for part in get_args(annotation):
            yield from within(part)
        for found in getattr(annotation, "__metadata__", ()):
            yield from within(found.plain) if isinstance(found, OrOutput) else (found,)

    for found in (*field.metadata, *within(field.annotation)):
        if isinstance(found, AfterValidator | BeforeValidator | PlainValidator):
            yield found.func


def _condition(model: type[Section]) -> str:
    """What makes a model the one that holds, where several could: its ``type`` or ``method``."""
    for name in ("type", "method"):
        if name in model.model_fields and len(get_args(model.model_fields[name].annotation)) == 1:
            (value,) = get_args(model.model_fields[name].annotation)
            return f" with `{name}: {value}`"
    return ""


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    return definitions[name] if name and name not in ("Text", "Secret") else schema


def _step(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What comes after a key on the way to what is inside it."""
    for part in (schema, *schema.get("anyOf", ())):
        resolved = _resolved(part, definitions)
        if resolved.get("type") == "array":
            return "[]"
        if resolved.get("type") == "object" and "additionalProperties" in resolved and "properties" not in resolved:
            return ".*"
    return ""


def _type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    reference = schema.get("$ref", "").removeprefix("#/$defs/")
    if reference in ("Text", "Secret"):
        return reference.lower()
    schema = _resolved(schema, definitions)
    alternatives = [part for part in schema.get("anyOf", schema.get("oneOf", ())) if part != {"type": "null"}]
    if alternatives:
        return " or ".join(dict.fromkeys(_type(part, definitions) for part in alternatives))
    if "const" in schema:
        return f"`{_value(schema['const'])}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{_value(value)}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            item = _type(schema.get("items", {}), definitions)
            least = f", at least {schema['minItems']}" if "minItems" in schema else ""
            return f"list of {item}{least}"
        case "object" if "properties" in schema:
            return "object"
        case "object":
            values = cast("dict[str, Any] | bool | None", schema.get("additionalProperties"))
            return f"map to {_type(values, definitions)}" if isinstance(values, dict) and values else "object"
        case "string":
            return "text as it stands" + _limits(schema)
        case "integer":
            return "whole number" + _limits(schema)
        case "number":
            return "number" + _limits(schema)
        case "boolean":
            return "`true` or `false`"
        case _:
            return "anything"


def _limits(schema: dict[str, Any]) -> str:
    told: list[str] = []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        told.append(f"{least} to {most}")
    elif least is not None:
        told.append(f"{least} or more")
    elif most is not None:
        told.append(f"at most {most}")
    if schema.get("minLength", 1) > 1:
        told.append(f"at least {schema['minLength']} characters")
    if "maxLength" in schema:
        told.append(f"at most {schema['maxLength']} characters")
    if "pattern" in schema:
        told.append(f"pattern `{schema['pattern']}`")
    return f" ({', '.join(told)})" if told else ""


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return json.dumps(list(cast("tuple[Any, ...]", value)), ensure_ascii=False, default=str)
    return json.dumps(value, ensure_ascii=False, default=str)


def _prose(text: str) -> str:
    """A docstring's reStructuredText as Markdown; both know little more than code and paragraphs here."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return " ".join(re.sub(r"``(.+?)``", r"`\1`", text).split())


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]$|])", r"\\\1", " ".join(text.split()))


def _anchor(key: str) -> str:
    return re.sub(r"[^a-z0-9-]", "", key.lower())


def main() -> None:
    """Writes the pages."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (TARGET / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
