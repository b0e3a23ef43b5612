"""Values of a stack file that may stand elsewhere: in an environment variable, in a file, or encrypted by Pulumi.

Wherever the stack file takes a :data:`Text` or a :data:`Secret`, it takes one of

* a plain string (a Pulumi ``secure:`` value arrives here decrypted),
* ``{environment: NAME}``: the variable of the process that runs the program,
* ``{file: path}``: a UTF-8 file, relative to the project directory.

Wherever it stands, one final line break is dropped: editors, ``echo`` and YAML's ``|`` add one, and no value needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias, TypeGuard, TypeVar, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from mendix_registry.settings.problems import Rule

if TYPE_CHECKING:
    import pulumi

Origin: TypeAlias = Literal["text", "environment", "file", "program"]
"""Where a value stood. ``program``: the program gave an output."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

UNKNOWN = "\ue000"
"""Stands for what is not known, in a value and in whatever is made of it: a character for private use, which no real value has."""

MAXIMUM_FILE_BYTES = 1 << 20
"""A Secret or ConfigMap holds at most 1 MiB (kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where values from outside come from: the process environment and the project directory.

    ``unknown`` is whether a variable that is not set has the value :data:`UNKNOWN`, instead of being rejected.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    directory: Path = field(default_factory=Path.cwd)
    unknown: bool = False


class Variables(Mapping[str, str]):
    """An environment that remembers which variables were ``asked`` for, and whether each is set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.asked: dict[str, bool] = {}

    def __getitem__(self, name: str) -> str:
        self.asked[name] = name in self._environment
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


_Value = TypeVar("_Value", bound=str)


def known(validator: Callable[[_Value], _Value]) -> AfterValidator:
    """The validator of a value that may be unknown: only a known one is validated."""

    @wraps(validator)
    def validate(value: _Value) -> _Value:
        return value if UNKNOWN in value else validator(value)

    return AfterValidator(validate)


if TYPE_CHECKING:
    MaybeOutput: TypeAlias = pulumi.Input[str]
else:
    MaybeOutput = Any  # the SDK's type names a class that pydantic cannot find


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret's text and where it came from; an output where the program gave one. Its representation never shows the text."""

    value: MaybeOutput = field(repr=False)
    origin: Origin = "text"

    def __str__(self) -> str:
        return "[secret]"


class OriginText(str):
    """A text that knows where it came from: whether it may stand in the stack file depends on what is in it."""

    __slots__ = ("origin",)

    origin: Origin

    def __new__(cls, value: str, origin: Origin = "text") -> Self:
        """``value`` as it is, from ``origin``."""
        self = super().__new__(cls, value)
        self.origin = origin
        return self


STK016 = Rule("STK016", "the value is not UTF-8 text", "no client can send it", "write or export it as UTF-8")
STK017 = Rule(
    "STK017",
    "there is only a line break",
    "an empty value here means a mistake, not an intention",
    "fill it",
)


def _resolve(value: object, info: ValidationInfo) -> tuple[str, Origin]:
    text, origin = _found(value, info)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Python stands a byte that is not UTF-8 for half a character.
        raise STK016.error() from None
    kept = text.removesuffix("\n").removesuffix("\r")
    if text and not kept:
        raise STK017.error()
    return kept, origin


STK018 = Rule(
    "STK018",
    "this value is still encrypted",
    "Pulumi decrypts 'secure:' values before the program starts; this one was not",
    "check that 'encryptionsalt' or 'secretsprovider' of the stack file belongs to it",
)
STK019 = Rule(
    "STK019",
    "an object with {keys} is no value",
    "",
    "give a string, {{environment: NAME}} or {{file: path}}, with exactly that one key",
)
STK020 = Rule(
    "STK020",
    "a string is needed, but YAML reads this as a {found}",
    "YAML drops leading and trailing zeros and turns words such as 'no' and 'on' into booleans",
    "put the value in quotes",
)
STK021 = Rule("STK021", "a string is needed, not {found}", "", "give a string, {{environment: NAME}} or {{file: path}}")


def _found(value: object, info: ValidationInfo) -> tuple[str, Origin]:
    surroundings = info.context if isinstance(info.context, Surroundings) else Surroundings()
    if isinstance(value, str):
        return value, "text"
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        match dict(mapping):
            case {"environment": str(name), **rest} if not rest:
                return _from_environment(name, surroundings), "environment"
            case {"file": str(name), **rest} if not rest:
                return _from_file(name, surroundings), "file"
            case {"secure": _, **rest} if not rest:
                raise STK018.error()
            case _:
                keys = ", ".join(sorted(map(str, mapping))) or "nothing"
                raise STK019.error(keys=keys)
    if isinstance(value, bool | int | float):
        raise STK020.error(found=_yaml_name(value))
    raise STK021.error(found=_yaml_name(value))


STK022 = Rule(
    "STK022",
    "the environment variable {name} is not set",
    "the stack file takes this value from it",
    "export {name} for the process that runs pulumi or rehearse",
)
STK023 = Rule(
    "STK023",
    "the environment variable {name} is empty",
    "an empty value here means a mistake in how the variable is set, not an intention",
    "set {name}, or remove the key from the stack file",
)


def _from_environment(name: str, surroundings: Surroundings) -> str:
    value = surroundings.environment.get(name)
    if value is None and surroundings.unknown:
        return UNKNOWN
    if value is None:
        raise STK022.error(name=name)
    if not value:
        raise STK023.error(name=name)
    return value


STK024 = Rule("STK024", "the file {name} is larger than 1 MiB", "no Kubernetes object can hold it", "name another file")
STK025 = Rule("STK025", "the file {name} is not UTF-8 text", "", "convert it; certificates must be PEM")
STK026 = Rule(
    "STK026",
    "the file {name} cannot be read: {error}",
    "the stack file takes this value from it",
    "create it, or correct the path (relative to the directory of Pulumi.yaml)",
)
STK027 = Rule("STK027", "the file {name} is empty", "the stack file takes this value from it", "fill it")


def _from_file(name: str, surroundings: Surroundings) -> str:
    path = surroundings.directory / Path(name).expanduser()
    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise STK024.error(name=name)
        # Windows' editors begin a file with a mark, which would be the first character of the password.
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise STK025.error(name=name) from error
    except OSError as error:
        raise STK026.error(name=name, error=error.strerror or error) from error
    if not text:
        raise STK027.error(name=name)
    return text


def _yaml_name(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "a list"
        case _:
            return "an object"


def _text(value: object, info: ValidationInfo) -> str:
    return _resolve(value, info)[0]


def _origin_text(value: object, info: ValidationInfo) -> OriginText:
    return value if isinstance(value, OriginText) else OriginText(*_resolve(value, info))


def _is_output(value: object) -> TypeGuard[pulumi.Output[str]]:
    # By its method, which no value of a stack file has: the SDK takes half a second to import, and only programs need it.
    return hasattr(value, "apply")


STK028 = Rule("STK028", "the secret is empty", "", "give it a value, or remove the key")
STK029 = Rule(
    "STK029",
    "the secret has {fault} in it",
    "no login can carry a control character (RFC 7617, section 2), so the registry would reject it",
    "set it again without; the output of a command often has more lines than the password",
)


def _secret(value: object, info: ValidationInfo) -> SecretText:
    if isinstance(value, SecretText):
        return value
    if _is_output(value):
        from pulumi import Output

        return SecretText(Output.secret(value), "program")
    text, origin = _resolve(value, info)
    if not text:
        raise STK028.error()
    if fault := control_character(text):
        raise STK029.error(fault=fault)
    return SecretText(text, origin)


def control_character(text: str) -> str | None:
    """Which control character is in ``text``, in words, or None. Basic authentication and AWS's credentials file carry none (RFC
    7617, section 2; RFC 5234, CTL)."""
    found = _CONTROL.search(text)
    if found is None:
        return None
    names = {"\n": "a line break", "\r": "a carriage return", "\t": "a tab"}
    return names.get(found[0], f"the control character U+{ord(found[0]):04X}")


def _json_schema(description: str, *, plain: bool) -> dict[str, Any]:
    def single(key: str, meaning: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {key: {"type": "string", "minLength": 1, "description": meaning}},
            "required": [key],
            "additionalProperties": False,
        }

    return {
        "description": description,
        "anyOf": [
            *([{"type": "string"}] if plain else []),
            single("environment", "Name of the environment variable that holds the value."),
            single("file", "File that holds the value, relative to the directory of Pulumi.yaml."),
            single("secure", "The value as 'pulumi config set --secret' encrypts it."),
        ],
    }


TEXT_SCHEMA = _json_schema("A string, or where it stands: {environment: NAME}, {file: path}.", plain=True)
SECRET_SCHEMA = _json_schema("A secret, encrypted or elsewhere: {environment: NAME}, {file: path}.", plain=False)
"""In the *file* a secret is never plain text; the program gets what was encrypted there as a string."""

Text: TypeAlias = Annotated[
    str,
    BeforeValidator(_text),
    WithJsonSchema(TEXT_SCHEMA),
]
"""A string that may stand elsewhere. Not treated as a secret."""

MaybeSecret: TypeAlias = Annotated[OriginText, PlainValidator(_origin_text), WithJsonSchema(TEXT_SCHEMA)]
"""A string that may stand elsewhere, and must where it has a credential in it; the rules look."""

Secret: TypeAlias = Annotated[SecretText, PlainValidator(_secret), WithJsonSchema(SECRET_SCHEMA)]
"""A secret that may stand elsewhere; the rules reject plain text in the stack file."""


@dataclass(frozen=True, slots=True)
class OrOutput:
    """Annotates :data:`MaybeOutput`: a text of the type ``plain``, or an output, which a program gives and no rule can check."""

    plain: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return cast("Any", value) if _is_output(value) else inner(value)

        return core_schema.no_info_wrap_validator_function(validate, handler.generate_schema(self.plain))
