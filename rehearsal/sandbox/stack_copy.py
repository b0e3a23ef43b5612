"""A stack file as Pulumi's CLI reads it in the sandbox: a copy, because the CLI writes the salt of its passphrase into it.

The user's file is never written to. In the copy all secrets are encrypted with the sandbox's own passphrase, as the state is: those
that the user's passphrase opens have their values, those that only a cloud's key, Pulumi Cloud or an unknown passphrase opens have
values made for the sandbox.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from rehearsal.cluster.paths import write_atomically
from rehearsal.sandbox.project import Project, read_yaml

_PASSPHRASE_VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_SECRETS_LINE = re.compile(
    r"^(?:['\"]?)(?:encryptionsalt|encryptedkey|secretsprovider)(?:['\"]?)\s*:.*\n?", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class StackCopy:
    """``path`` is the copy; ``secrets`` are the keys of its secrets (``mendix-registry:registry.authentication.password``).

    ``opened`` is true where the environment has a passphrase for them; ``why`` is why it cannot open them. ``fresh`` is true
    where the copy was written just now and their values are still to be set.
    """

    path: Path
    source: Path
    secrets: tuple[str, ...]
    opened: bool
    why: str
    fresh: bool
    digest: str

    @property
    def made_up(self) -> tuple[str, ...]:
        """The keys that have a value of the sandbox."""
        return () if self.opened else self.secrets

    @property
    def has_salt(self) -> bool:
        """Whether a passphrase has been chosen for it."""
        return bool(_salt(self.path))

    def complete(self) -> None:
        """Note that the copy is whole, values of secrets included: the next command leaves it as it is."""
        write_atomically(_mark(self.path), self.digest)


def copy_stack_file(project: Project, stack: str, directory: Path, environ: Mapping[str, str]) -> StackCopy:
    """Write (or leave, where it is current) the copy of a stack file in ``directory``.

    Raises UsageError for a file that is no YAML.
    """
    source = project.stack_path(stack)
    text = source.read_text(encoding="utf-8")
    document = read_yaml(source)
    content: Mapping[str, Any] = cast("Mapping[str, Any]", document) if isinstance(document, Mapping) else {}
    secrets = tuple(_secret_paths(content.get("config"), ""))
    opened = bool(content.get("encryptionsalt")) and any(name in environ for name in _PASSPHRASE_VARIABLES)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"Pulumi.{stack}.yaml"
    digest = hashlib.sha256(f"{opened}\n{text}".encode()).hexdigest()
    current = path.is_file() and _mark(path).is_file() and _mark(path).read_text() == digest
    if not current:
        # JSON is YAML too, but neither has its own lines for the keys at its top, nor do they fit behind it.
        text = yaml.safe_dump(document) if text.lstrip().startswith("{") else text
        text = _SECRETS_LINE.sub("", text)
        if path.is_file() and (salt := _salt(path)):
            text = f"{text.rstrip()}\nencryptionsalt: {salt}\n"
        write_atomically(path, text)
    return StackCopy(path, source, secrets, opened, _why(content), not current, digest)


def _salt(path: Path) -> str:
    content = read_yaml(path)
    return str(cast("Mapping[str, Any]", content).get("encryptionsalt") or "") if isinstance(content, Mapping) else ""


def _mark(path: Path) -> Path:
    return path.with_suffix(".source")


def _secret_paths(value: Any, path: str) -> Iterator[str]:
    """The places of all ``secure:`` values below ``config``, as ``pulumi config set --path`` writes them."""
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value)
        if path and len(items) == 1 and isinstance(items.get("secure"), str):
            yield path
            return
        for key, item in items.items():
            name = str(key)
            # The CLI's paths have a dot as separator and quote a key that has one.
            step = f'["{name}"]' if path and ("." in name or "[" in name) else f".{name}" if path else name
            yield from _secret_paths(item, f"{path}{step}")
    elif isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _secret_paths(item, f"{path}[{number}]")


def _why(content: Mapping[str, Any]) -> str:
    if provider := content.get("secretsprovider"):
        return f"only {str(provider).partition(':')[0]} opens the secrets of this stack file"
    if content.get("encryptionsalt"):
        return "the passphrase of this stack file is not in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"
    return "only Pulumi Cloud opens the secrets of this stack file"
