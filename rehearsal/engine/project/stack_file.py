"""Pulumi.<stack>.yaml: ``ProjectStack`` of ``sdk/go/common/workspace`` and ``sdk/go/common/resource/config``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from rehearsal.engine.project.declaration import ConfigDeclaration, full_key
from rehearsal.engine.project.document import Document, parse_document, read_document
from rehearsal.engine.project.errors import ProjectError
from rehearsal.engine.state.durable import explained, replace_file
from rehearsal.engine.state.errors import SecretsError
from rehearsal.engine.state.go_json import go_text

BLIND = "[secret]"
_KEYS = ("config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment")
_SALT_LINE = re.compile(r"^(?:encryptionsalt|'encryptionsalt'|\"encryptionsalt\")\s*:.*$", re.MULTILINE)


class Decrypts(Protocol):
    def decrypt(self, ciphertext: str) -> str: ...


@dataclass(frozen=True, slots=True)
class StackConfiguration:
    """A stack's configuration, decrypted. Keys are ``namespace:key``."""

    values: dict[str, str] = field(repr=False)
    """As the program gets it: text, with lists and mappings as JSON."""
    structured: dict[str, Any] = field(repr=False)
    secret_keys: list[str]
    """Keys whose value is, or contains, a secret."""
    encrypted: dict[str, Any]
    """As in the file."""

    @property
    def blinded(self) -> dict[str, str]:
        """``values`` as they may be shown."""
        secret = set(self.secret_keys)
        return {key: BLIND if key in secret else value for key, value in self.values.items()}


@dataclass(slots=True)
class StackFile:
    """A stack's file. ``warnings`` tell of keys that Pulumi ignores and that look like misspelt ones."""

    document: Document
    name: str
    project: str
    declarations: Mapping[str, ConfigDeclaration]
    config: dict[str, Any]
    """As in the file, by full key."""
    secrets_provider: str = ""
    encryption_salt: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.document.path

    def place(self, key: str) -> str:
        """``file:line:column`` of a configuration value, by full key."""
        short = key.removeprefix(f"{self.project}:")
        return self.document.place(("config", key) if ("config", key) in self.document.places else ("config", short))

    def configuration(self, secrets: Decrypts) -> StackConfiguration:
        """The configuration with the project's defaults, checked against the project's declarations.

        Raises ProjectError with every problem, SecretsError where a secret cannot be decrypted.
        """
        result = StackConfiguration({}, {}, [], dict(self.config))
        for key, value in self.config.items():
            self._add(result, key, value, secrets)
        problems = [
            problem
            for key, declaration in self.declarations.items()
            for problem in self._apply(result, key, declaration)
        ]
        if problems:
            raise ProjectError("\n".join(problems))
        return result

    def write_salt(self, salt: str) -> None:
        """Put ``encryptionsalt`` into the file and leave every other line as it is. Raises StateWriteError, ProjectError."""
        line = f"encryptionsalt: {salt}"
        text = self.document.text
        if _SALT_LINE.search(text):
            new = _SALT_LINE.sub(line, text, count=1)
        else:
            ending = "\r\n" if "\r\n" in text else "\n"
            new = text + ("" if not text or text.endswith("\n") else ending) + line + ending
        expected = {**cast("dict[str, Any]", self.document.value or {}), "encryptionsalt": salt}
        try:
            document = parse_document(self.path, new)
        except ProjectError:
            document = None
        if document is None or document.value != expected:
            raise ProjectError(
                f"{self.path}: the encryption salt of the stack's secrets cannot be added to a file of this form. Add this "
                f"line yourself:\n{line}"
            )
        with explained(self.path, "the encryption salt", "The file is as it was."):
            replace_file(self.path, new.encode(), mode=self.path.stat().st_mode & 0o777)
        self.document = document
        self.encryption_salt = salt

    def _add(self, result: StackConfiguration, key: str, value: Any, secrets: Decrypts) -> None:
        try:
            plain, is_secret = _decrypted(value, secrets)
        except SecretsError as error:
            raise SecretsError(f"{self.place(key)}: {key}: {error}") from error
        result.structured[key] = plain
        result.values[key] = "" if plain is None else go_text(plain)
        if is_secret:
            result.secret_keys.append(key)

    def _apply(self, result: StackConfiguration, key: str, declaration: ConfigDeclaration) -> list[str]:
        short = key.removeprefix(f"{self.project}:")
        if key not in self.config:
            if declaration.default is None:
                return [
                    self.document.problem(
                        ("config",), f"{short} is missing, which Pulumi.yaml declares without a default"
                    )
                    + f". Add {short}: … under config."
                ]
            result.structured[key] = declaration.default
            result.values[key] = go_text(declaration.default)
            if declaration.secret:
                result.secret_keys.append(key)
            return []
        wrong_type = not declaration.accepts(result.structured[key])
        plain = declaration.secret and key not in result.secret_keys
        messages = [
            f"must be of type {declaration.type_name}, as Pulumi.yaml says." if wrong_type else "",
            "is declared secret in Pulumi.yaml but stands here in plain text. Encrypt it: pulumi config set --secret"
            if plain
            else "",
        ]
        return [f"{self.place(key)}: {short} {message}" for message in messages if message]


def load_stack_file(path: Path, name: str, project: str, declarations: Mapping[str, ConfigDeclaration]) -> StackFile:
    """Raises ProjectError with every problem the file has."""
    document = read_document(path, f"the file of stack {name}")
    content: Any = {} if document.value is None else document.value
    if not isinstance(content, dict):
        raise ProjectError(f"{path}:1:1: a stack file is a mapping with the key config")
    mapping = cast("dict[str, Any]", content)
    problems = [
        document.problem((key,), f"{key} must be text. Quote it.")
        for key in ("encryptionsalt", "secretsprovider", "encryptedkey")
        if not isinstance(mapping.get(key) or "", str)
    ]
    if mapping.get("environment"):
        problems.append(
            document.problem(
                ("environment",),
                "environment takes configuration from Pulumi Cloud, which this engine does not reach. Use the Pulumi CLI for "
                "this stack, or put the values under config.",
            )
        )
    config: Any = mapping.get("config") or {}
    by_key: dict[str, Any] = {}
    if not isinstance(config, dict):
        problems.append(document.problem(("config",), "config must be a mapping of keys to values"))
    else:
        for key, value in cast("dict[str, Any]", config).items():
            full = full_key(project, key)
            if full is None:
                problems.append(document.problem(("config", key), f"{key!r} is not a key: write namespace:key"))
            elif full in by_key:
                problems.append(
                    document.problem(("config", key), f"{full} is set twice, with and without its namespace")
                )
            else:
                by_key[full] = value
    if problems:
        raise ProjectError("\n".join(problems))
    return StackFile(
        document,
        name,
        project,
        declarations,
        by_key,
        mapping.get("secretsprovider") or "",
        mapping.get("encryptionsalt") or "",
        tuple(_misspelt(document, mapping)),
    )


def _misspelt(document: Document, mapping: Mapping[str, Any]) -> list[str]:
    warnings: list[str] = []
    for key in mapping:
        close = difflib.get_close_matches(key.lower(), _KEYS, n=1, cutoff=0.8) if key not in _KEYS else []
        if close:
            warnings.append(document.problem((key,), f"Pulumi ignores {key!r}. Did you mean {close[0]!r}?"))
    return warnings


def _decrypted(value: Any, secrets: Decrypts) -> tuple[Any, bool]:
    """The value with ``{secure: ciphertext}`` replaced by what it holds, and whether there was any."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if len(mapping) == 1 and isinstance(mapping.get("secure"), str):
            return secrets.decrypt(mapping["secure"]), True
        members = {key: _decrypted(item, secrets) for key, item in mapping.items()}
        return {key: item for key, (item, _) in members.items()}, any(found for _, found in members.values())
    if isinstance(value, list):
        items = [_decrypted(item, secrets) for item in cast("list[Any]", value)]
        return [item for item, _ in items], any(found for _, found in items)
    return value, False
