"""Finds the passphrase of a stack's secrets, where Pulumi looks for it, and opens or begins the secrets."""

from __future__ import annotations

import contextlib
import os
import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rehearsal.engine.state.durable import explained, make_directory
from rehearsal.engine.state.errors import SecretsError
from rehearsal.engine.state.secrets import PassphraseSecrets

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"


class HasSalt(Protocol):
    """A stack file."""

    @property
    def path(self) -> Path: ...

    @property
    def secrets_provider(self) -> str: ...

    @property
    def encryption_salt(self) -> str: ...

    def write_salt(self, salt: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Passphrase:
    value: str = field(repr=False)
    source: str
    """Where it came from, for messages."""


def find_passphrase(environ: Mapping[str, str], home: Path, notice: Callable[[str], None]) -> Passphrase:
    """The passphrase from the environment, else from ``<home>/passphrase``, which is made where it does not exist.

    As in Pulumi an empty PULUMI_CONFIG_PASSPHRASE is an (empty) passphrase. Raises SecretsError.
    """
    if VARIABLE in environ:
        return Passphrase(environ[VARIABLE], VARIABLE)
    name = environ.get(FILE_VARIABLE)
    if name:
        try:
            return Passphrase(Path(name).read_text().strip(), f"{FILE_VARIABLE} ({name})")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretsError(
                f"the passphrase cannot be read from {name}, which {FILE_VARIABLE} names: {error}. Without it the "
                f"stack's secrets stay closed. Correct the variable or make the file readable."
            ) from error
    return _own_passphrase(home / "passphrase", notice)


def _own_passphrase(path: Path, notice: Callable[[str], None]) -> Passphrase:
    with explained(path, "a passphrase for this sandbox", f"Nothing was changed. Or set {VARIABLE}."):
        make_directory(path.parent)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(randomness.token_urlsafe(24) + "\n")
            notice(
                f"no passphrase is set, so a random one was written to {path} and encrypts this stack's secrets. "
                f"For the Pulumi CLI: export {FILE_VARIABLE}={path}"
            )
        text = path.read_text().strip()
    if not text:
        raise SecretsError(
            f"the passphrase file {path} is empty, so secrets would be open to anyone. Delete it to get a new one "
            f"(secrets encrypted by the old one are then lost), or set {VARIABLE}."
        )
    return Passphrase(text, str(path))


def open_secrets(
    stack_file: HasSalt,
    *,
    environ: Mapping[str, str],
    home: Path,
    notice: Callable[[str], None],
    state_salt: str | None = None,
) -> PassphraseSecrets:
    """The secrets of a stack.

    A stack file without a salt gets one, unless ``state_salt`` is given: the salt that the stack's state has (empty: no
    state yet). An update then goes on with that, or a new one, and leaves the file alone: a file without encrypted values
    needs no salt, and a checkout should not be changed by being rehearsed. The CLI finds the salt in the state as well.

    Raises SecretsError for a wrong passphrase and for secrets providers other than the passphrase.
    """
    provider = stack_file.secrets_provider
    if provider not in ("", "default", PassphraseSecrets.type):
        raise SecretsError(
            f"{stack_file.path} names the secrets provider {provider!r}; this engine has passphrase secrets only, "
            f"since it works without any account. Use the Pulumi CLI for this stack, or move it: "
            f"pulumi stack change-secrets-provider passphrase"
        )
    passphrase = find_passphrase(environ, home, notice)
    salt = stack_file.encryption_salt
    if salt:
        return PassphraseSecrets.open(passphrase.value, salt, where=str(stack_file.path), source=passphrase.source)
    if state_salt:
        return PassphraseSecrets.open(passphrase.value, state_salt, where="the stack's state", source=passphrase.source)
    made = PassphraseSecrets.create(passphrase.value, source=passphrase.source)
    if state_salt is None:
        stack_file.write_salt(made.salt)
    return made
