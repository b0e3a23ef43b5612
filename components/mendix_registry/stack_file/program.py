"""The settings of a running program: from its configuration, or from a component's inputs, of which passwords and a role's ARN may
be outputs. Only this module of the package needs Pulumi's SDK."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pulumi

from mendix_registry.kinds import KINDS
from mendix_registry.settings.problems import PROJECT, ConfigurationError, Problem, Rule
from mendix_registry.settings.stack import Settings
from mendix_registry.stack_file.reading import Reading, parse

_PROGRAM_INPUTS = ("password", "roleArn", "tokenPasswords")


class RejectedConfigurationError(ConfigurationError, pulumi.RunError):
    """A ``RunError``, so that the Pulumi language host prints the message without a Python traceback and exits non-zero."""


@contextmanager
def _reported() -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise RejectedConfigurationError(error.problems) from None


def read_settings() -> Settings:
    """Reads the running stack's configuration, logs the warnings and returns the settings.

    Raises:
        ConfigurationError: with every problem of the stack file. No resource has been registered then.
    """
    # The SDK has no public way to list the keys, and without one an unknown key would go unnoticed.
    from pulumi.runtime import config as sdk

    values = {**sdk.get_config_env(), **sdk.CONFIG.get()}
    encrypted = {key for key in values if sdk.is_config_secret(key)} | set(sdk.get_config_secret_keys_env())
    with _reported():
        reading = parse(values, encrypted)
    for warning in reading.warnings:
        pulumi.log.warn(str(warning))
    return reading.settings


def read_inputs(inputs: Mapping[str, Any]) -> Reading:
    """Checks the inputs of a component: the keys of a stack file, and what may be an output beside them.

    Raises:
        ConfigurationError: with every problem. No resource has been registered then.
    """
    with _reported():
        return parse({f"{PROJECT}:{key}": value for key, value in _in_their_place(inputs).items()})


def with_secrets(inputs: dict[str, Any]) -> dict[str, Any]:
    """``inputs`` with every password an output that is a secret, for the state too."""
    made: dict[str, Any] = dict(inputs)
    if "roleArn" in made:
        made["roleArn"] = pulumi.Output.from_input(made["roleArn"])
    if "password" in made:
        made["password"] = pulumi.Output.secret(made["password"])
    given: Any = made.get("tokenPasswords")
    if isinstance(given, Mapping):
        passwords = cast("Mapping[str, Any]", given)
        made["tokenPasswords"] = {name: pulumi.Output.secret(value) for name, value in passwords.items()}
    elif given is not None:
        # From another language a map with a secret in it is one secret. Every namespace then has to be in it.
        whole: pulumi.Output[Mapping[str, str]] = pulumi.Output.secret(given)
        names = [str(namespace["name"]) for namespace in made["namespaces"]]
        made["tokenPasswords"] = {name: whole.apply(lambda known, of=name: known[of]) for name in names}
    return made


STK117 = Rule(
    "STK117",
    "a registry of the kind {type} has no place for {key}",
    "it would have no effect",
    "remove it; {type} accepts {accepted}",
)


def _in_their_place(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a stack file, with what the program gave beside ``registry`` at its place within."""
    keys = {key: value for key, value in inputs.items() if key not in _PROGRAM_INPUTS}
    registry: dict[str, Any] = dict(keys["registry"])
    kind = KINDS.get(str(registry.get("type")))
    places: Mapping[str, tuple[str, ...]] = kind.settings.program_inputs if kind else {}
    problems: list[Problem] = []
    for key in _PROGRAM_INPUTS:
        if key not in inputs:
            continue
        if key in places:
            _put(registry, places[key], inputs[key])
        elif kind:
            problems.append(
                STK117.at((key,), type=kind.type, key=key, accepted=" and ".join(places) or "neither password nor role")
            )
    if problems:
        raise ConfigurationError(problems)
    return {**keys, "registry": registry}


def _put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for name in parents:
        inner: Any = target.get(name)
        # A copy: the caller's arguments are also what the state shows.
        target[name] = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else {}
        target = target[name]
    beside: Any = target.get(last)
    target[last] = {**beside, **value} if isinstance(beside, Mapping) and isinstance(value, Mapping) else value
