"""What a pack's policies are told: defaults of their schemas, the pack's initial configuration, then the user's file.

The merge and the file's form are the CLI's (``pkg/resource/analyzer/config.go``): a value is a level, or an object with the
properties of the policy's schema and, optionally, ``enforcementLevel``; the key ``all`` sets the level of every policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine.policies.errors import PolicyConfigurationError
from rehearsal.engine.properties import from_struct, to_struct

LEVELS: Mapping[str, Any] = {
    "advisory": analyzer_pb2.ADVISORY,
    "mandatory": analyzer_pb2.MANDATORY,
    "disabled": analyzer_pb2.DISABLED,
    "remediate": analyzer_pb2.REMEDIATE,
}
ALL = "all"
_LEVEL = "enforcementLevel"


@dataclass(slots=True)
class PolicyConfiguration:
    """``level`` is a value of the protocol's EnforcementLevel, or None where nothing is said of it."""

    level: Any = None
    properties: dict[str, Any] = field(default_factory=dict[str, Any])


def read_configuration(path: Path | None) -> dict[str, PolicyConfiguration]:
    """The user's configuration file. Raises PolicyConfigurationError with every problem."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        content: Any = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise PolicyConfigurationError(f"{path} cannot be read: {error.strerror}. Correct the path.") from error
    except ValueError as error:
        raise PolicyConfigurationError(
            f"{path} is not JSON: {error}. The policies would be run unconfigured."
        ) from error
    if not isinstance(content, dict):
        raise PolicyConfigurationError(f"{path} must hold one object: a level or an object for each policy's name.")
    problems: list[str] = []
    found: dict[str, PolicyConfiguration] = {}
    for name, value in cast("dict[str, Any]", content).items():
        entry = cast("dict[str, Any]", {_LEVEL: value} if isinstance(value, str) else value)
        if not isinstance(value, str | dict):
            problems.append(f"{path}: {name}: must be a level or an object")
            continue
        level = entry.get(_LEVEL)
        if level is not None and level not in LEVELS:
            problems.append(f"{path}: {name}: {level!r} is not a level: use one of {', '.join(LEVELS)}")
            continue
        properties = {key: item for key, item in entry.items() if key != _LEVEL}
        found[name] = PolicyConfiguration(LEVELS[level] if level is not None else None, properties)
    if problems:
        raise PolicyConfigurationError("\n".join(problems))
    return found


def reconcile(info: Any, given: Mapping[str, PolicyConfiguration], where: str) -> dict[str, PolicyConfiguration]:
    """The configuration of each policy of a pack; ``info`` is its AnalyzerInfo, ``where`` names the file, for errors.

    Raises PolicyConfigurationError with every problem. A name that no policy has is one: with the CLI it is silently
    ignored, and a rule that somebody believes to be set is not.
    """
    result: dict[str, PolicyConfiguration] = {}
    for policy in info.policies:
        schema: Mapping[str, Any] = from_struct(policy.configSchema.properties)
        defaults = {key: value["default"] for key, value in schema.items() if "default" in value}
        result[policy.name] = PolicyConfiguration(policy.enforcementLevel, defaults)
    initial = {
        name: PolicyConfiguration(item.enforcementLevel, from_struct(item.properties))
        for name, item in info.initialConfig.items()
    }
    unknown = sorted(given.keys() - result.keys() - {ALL})
    problems = [
        f"{where}: {name}: the pack {info.name} has no such policy; it has: {', '.join(sorted(result))}"
        for name in unknown
    ]
    for configuration in (initial, given):
        _apply(result, configuration)
    for policy in info.policies:
        problems += [f"{where}: {policy.name}: {text}" for text in _faults(policy, result[policy.name].properties)]
    if problems:
        raise PolicyConfigurationError("\n".join(problems))
    return result


def _apply(result: dict[str, PolicyConfiguration], configuration: Mapping[str, PolicyConfiguration]) -> None:
    everywhere = configuration.get(ALL)
    for name, policy in result.items():
        own = configuration.get(name)
        for source in (everywhere, own):
            if source is not None and source.level is not None:
                policy.level = source.level
        if own is not None:
            policy.properties.update(own.properties)


def _faults(policy: Any, properties: Mapping[str, Any]) -> Iterable[str]:
    # Here, because importing it takes longer than anything else of a pack's start.
    import jsonschema

    schema: dict[str, Any] = {
        "type": "object",
        "properties": from_struct(policy.configSchema.properties),
        "required": list(policy.configSchema.required),
    }
    validator: Any = jsonschema.Draft7Validator(schema)
    for error in validator.iter_errors(dict(properties)):
        yield f"{error.json_path.removeprefix('$.')}: {error.message}"


def message(configuration: Mapping[str, PolicyConfiguration]) -> Any:
    """The protocol's form of it."""
    return analyzer_pb2.ConfigureAnalyzerRequest(
        policyConfig={
            name: analyzer_pb2.PolicyConfig(enforcementLevel=policy.level, properties=to_struct(policy.properties))
            for name, policy in configuration.items()
        }
    )
