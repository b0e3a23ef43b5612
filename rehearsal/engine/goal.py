"""What the program asks for: a resource as it shall be, decoded from a registration."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from pulumi.runtime.proto import alias_pb2

from rehearsal.engine import urn as urns
from rehearsal.engine.properties import Properties, from_struct, lower_outputs


@dataclass(slots=True)
class Goal:
    """``delete_before_replace`` and ``protect`` are None where the program left them to the engine."""

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Properties
    parent: str = ""
    provider: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    import_id: str = ""
    timeouts: Mapping[str, float] = field(default_factory=dict[str, float])
    deleted_with: str = ""
    source_position: str = ""
    version: str = ""
    plugin_download_url: str = ""

    def timeout(self, operation: str) -> float:
        """Seconds for ``create``, ``update`` or ``delete``; 0 leaves it to the provider."""
        return self.timeouts.get(operation, 0.0)


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """Seconds of a Go duration such as ``1h30m`` or ``90s``. Raises ValueError."""
    if not duration:
        return 0.0
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is not a duration: write it as 90s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


@lru_cache(maxsize=1024)
def _place(uri: str, root: Path) -> str:
    """``project:///<path>`` of a file of the project, else empty. Cached: it takes longer than the rest of a request."""
    url = urlsplit(uri)
    path = Path(unquote(url.path))
    if url.scheme != "file" or not path.is_relative_to(root):
        return ""
    return f"project:///{quote(path.relative_to(root).as_posix())}"


def source_position(position: Any, root: Path) -> str:
    """``project:///<path>#<line>[,<column>]`` of a line of the project; empty for one outside of it, whose path says more
    about the machine than about the program (``newSourcePositions`` of ``pkg/resource/deploy``)."""
    place = _place(str(position.uri), root)
    column = f",{position.column}" if position.column else ""
    return f"{place}#{position.line}{column}" if place else ""


def from_request(request: Any, stack: str, project: str, root: Path) -> Goal:
    """Raises ValueError where the request is not well formed."""
    inputs, _ = lower_outputs(from_struct(request.object))
    timeouts: dict[str, float] = {}
    if request.HasField("customTimeouts"):
        for operation in ("create", "update", "delete"):
            value = getattr(request.customTimeouts, operation)
            if value:
                timeouts[operation] = seconds(value)
    return Goal(
        urn=urns.make(stack, project, request.parent, request.type, request.name),
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=inputs,
        parent=request.parent,
        provider=request.provider,
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        dependencies=tuple(request.dependencies),
        property_dependencies={key: sorted(value.urns) for key, value in request.propertyDependencies.items()},
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=(),
        import_id=request.importId,
        timeouts=timeouts,
        deleted_with=request.deletedWith,
        source_position=source_position(request.sourcePosition, root),
        version=request.version,
        plugin_download_url=request.pluginDownloadURL,
    )


def alias_urns(
    goal: Goal,
    specs: Iterable[alias_pb2.Alias],
    listed: Iterable[str],
    parent_aliases: Iterable[str],
    stack: str,
    project: str,
) -> tuple[str, ...]:
    """Every earlier URN a resource may be found under.

    A resource inherits its parent's aliases: a child of a renamed component is looked for under the component's old
    URN too, and, where the child's name begins with the component's name, under the old name
    (``pkg/resource/deploy/step_generator.go``).
    """
    found: dict[str, None] = dict.fromkeys(listed)
    names_and_types: list[tuple[str, str, str | None]] = [(goal.name, goal.type, None)]
    for alias in specs:
        if alias.WhichOneof("alias") == "urn":
            found[alias.urn] = None
            continue
        spec = alias.spec
        parent = "" if spec.noParent else (spec.parentUrn or goal.parent)
        name, type_token = spec.name or goal.name, spec.type or goal.type
        found[urns.make(spec.stack or stack, spec.project or project, parent, type_token, name)] = None
        names_and_types.append((name, type_token, parent if spec.noParent or spec.parentUrn else None))
    for old_parent in parent_aliases:
        for name, type_token, own_parent in names_and_types:
            if own_parent is not None:
                continue
            found[urns.make(stack, project, old_parent, type_token, name)] = None
            if goal.parent:
                new_parent_name, old_parent_name = urns.name_of(goal.parent), urns.name_of(old_parent)
                if new_parent_name != old_parent_name and name.startswith(new_parent_name):
                    renamed = old_parent_name + name.removeprefix(new_parent_name)
                    found[urns.make(stack, project, old_parent, type_token, renamed)] = None
                    # An update that renamed the parent and got no further left the child under the parent's new type.
                    found[urns.make(stack, project, goal.parent, type_token, renamed)] = None
    found.pop(goal.urn, None)
    return tuple(found)


def with_ignored(goal: Goal, old_inputs: Properties) -> Properties:
    """The goal's inputs with every ignored path taken from the old inputs (absent there: removed)."""
    if not goal.ignore_changes:
        return goal.inputs
    inputs: Any = copy.deepcopy(goal.inputs)
    for path in goal.ignore_changes:
        _copy_path(parse_path(path), old_inputs, inputs)
    return inputs


def parse_path(path: str) -> list[str | int]:
    """Keys and indexes of a property path such as ``spec.tags["a.b"][0]`` or ``items[*].name``."""
    keys: list[str | int] = []
    for quoted, index, name in re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]]+)', path):
        if quoted:
            keys.append(quoted.replace('\\"', '"'))
        elif index:
            keys.append(int(index) if index.isdigit() else index)
        else:
            keys.append(name)
    return keys


def _copy_path(keys: list[str | int], source: Any, target: Any) -> None:
    key, rest = keys[0], keys[1:]
    if key == "*":
        for each in _keys(target):
            _copy_path([each, *rest], source, target)
    elif rest:
        if _has(source, key) and _has(target, key):
            _copy_path(rest, source[key], target[key])
    elif not _has(source, key):
        if isinstance(target, dict):
            cast("dict[str | int, Any]", target).pop(key, None)
    elif isinstance(target, dict) or _has(target, key):
        target[key] = source[key]


def _keys(container: Any) -> list[str | int]:
    if isinstance(container, dict):
        return list(cast("dict[str | int, Any]", container))
    return list(range(len(cast("list[Any]", container)))) if isinstance(container, list) else []


def _has(container: Any, key: str | int) -> bool:
    if isinstance(container, dict):
        return key in container
    return isinstance(container, list) and isinstance(key, int) and key < len(cast("list[Any]", container))


def matches_path(pattern: str, path: str) -> bool:
    """Whether a changed path lies at or under a pattern of ``replaceOnChanges``; ``*`` matches anything."""
    wanted, actual = parse_path(pattern), parse_path(path)
    if wanted == ["*"]:
        return True
    return len(actual) >= len(wanted) and all(
        want == "*" or want == have for want, have in zip(wanted, actual, strict=False)
    )
