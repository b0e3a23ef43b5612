"""Pulumi's passphrase secrets: ``sdk/go/common/resource/config/crypt.go`` and ``pkg/secrets/passphrase``.

A key is derived from the passphrase by PBKDF2 (SHA-256, a million rounds, salt of 8 bytes) and encrypts by AES-256-GCM.
It lives in memory only. A stack's salt string also holds the encrypted word ``pulumi``, by which a wrong passphrase is
seen.
"""

from __future__ import annotations

import base64
import binascii
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from rehearsal.engine.state.errors import SecretsError

_ROUNDS = 1_000_000
_KEY_BYTES = 32
_SALT_BYTES = 8
_NONCE_BYTES = 12
_WITNESS = "pulumi"


@lru_cache(maxsize=16)
def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    # Cached because deriving takes a third of a second and one run opens configuration and state with the same salt.
    derivation = PBKDF2HMAC(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, iterations=_ROUNDS)
    return AESGCM(derivation.derive(passphrase.encode()))


class PassphraseSecrets:
    """Encrypts and decrypts the secrets of one stack. ``salt`` is what stands in the stack file and in the state."""

    type = "passphrase"

    def __init__(self, passphrase: str, salt: str, source: str, cipher: AESGCM) -> None:
        self._passphrase = passphrase
        self._source = source
        self._cipher = cipher
        self.salt = salt

    @classmethod
    def create(cls, passphrase: str, *, source: str) -> PassphraseSecrets:
        """Secrets with a new random salt."""
        salt = os.urandom(_SALT_BYTES)
        secrets = cls(passphrase, "", source, _cipher(passphrase, salt))
        secrets.salt = f"v1:{base64.b64encode(salt).decode()}:{secrets.encrypt(_WITNESS)}"
        return secrets

    @classmethod
    def open(cls, passphrase: str, salt: str, *, where: str, source: str) -> PassphraseSecrets:
        """Secrets of a salt that exists.

        ``where`` says where the salt stands and ``source`` where the passphrase came from, for the error.
        Raises SecretsError where the passphrase is not the one the salt was made with.
        """
        version, separator, rest = salt.partition(":")
        encoded, separator, witness = rest.partition(":")
        if version != "v1" or not separator:
            raise SecretsError(
                f"the encryption salt in {where} is not one of Pulumi's: it should read v1:<salt>:v1:<nonce>:<text>. "
                f"Without it no secret can be read. Restore the line from version control."
            )
        try:
            cipher = _cipher(passphrase, base64.b64decode(encoded, validate=True))
            secrets = cls(passphrase, salt, source, cipher)
            if secrets.decrypt(witness) != _WITNESS:
                raise SecretsError("the salt does not match")
        except (SecretsError, binascii.Error) as error:
            raise SecretsError(
                f"wrong passphrase: the one from {source} does not open the secrets in {where}. Nothing was read or "
                f"changed. Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file with the right one."
            ) from error
        return secrets

    def with_salt(self, salt: str, where: str) -> PassphraseSecrets:
        """Secrets of the same passphrase with another salt, found in ``where``. Raises SecretsError as ``open``."""
        return PassphraseSecrets.open(self._passphrase, salt, where=where, source=self._source)

    def __repr__(self) -> str:
        return "PassphraseSecrets()"  # never what it holds

    def encrypt(self, plaintext: str) -> str:
        """``v1:<nonce>:<ciphertext>``, different each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plaintext.encode("utf-8", "surrogatepass"), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> str:
        """Raises SecretsError where the text was not encrypted by these secrets, or was altered."""
        parts = ciphertext.split(":")
        if len(parts) != 3 or parts[0] != "v1":
            raise SecretsError("an encrypted value is not of the form v1:<nonce>:<text>: restore it from a backup")
        try:
            nonce = base64.b64decode(parts[1], validate=True)
            sealed = base64.b64decode(parts[2], validate=True)
            return self._cipher.decrypt(nonce, sealed, None).decode("utf-8", "surrogatepass")
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SecretsError(
                "an encrypted value cannot be decrypted: it was made with another passphrase or salt, or was altered. "
                "Set it again with the present passphrase, or restore the file from a backup."
            ) from error

    def secure_line(self, value: str) -> str:
        """A line to paste into a stack file in the place of a plain value."""
        return f"secure: {self.encrypt(value)}"


class CiphertextCache:
    """Keeps a secret's ciphertext for as long as its plaintext stays the same, so that unchanged state stays unchanged.

    Kept for each resource apart: a common ciphertext would tell a reader of the state which resources share a secret.
    """

    def __init__(self, secrets: PassphraseSecrets) -> None:
        self.secrets = secrets
        self._ciphertexts: dict[tuple[str, str], str] = {}

    def encrypt(self, urn: str, plaintext: str) -> str:
        key = (urn, plaintext)
        ciphertext = self._ciphertexts.get(key)
        if ciphertext is None:
            ciphertext = self._ciphertexts[key] = self.secrets.encrypt(plaintext)
        return ciphertext

    def decrypt(self, urn: str, ciphertext: str) -> str:
        try:
            plaintext = self.secrets.decrypt(ciphertext)
        except SecretsError as error:
            raise SecretsError(f"{error}\n  at {urn}") from error
        self._ciphertexts.setdefault((urn, plaintext), ciphertext)
        return plaintext
