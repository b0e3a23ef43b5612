"""Secrets that Pulumi's CLI can read, and that nobody reads with another passphrase."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.state import PassphraseSecrets, SecretsError, find_passphrase, open_secrets

PASSPHRASE = "correct horse battery staple"  # that of the fixture `secrets`
TEXTS = ["", "hunter2", "ü <&> \u2028", "x" * 5000, '{"a":1}']


def salt_of(secrets: PassphraseSecrets) -> str:
    return secrets.salt.split(":")[1]


def test_pulumi_decrypts_what_we_encrypt(pulumi: Any, secrets: PassphraseSecrets) -> None:
    asked = [secrets.encrypt(text) for text in TEXTS]
    assert pulumi.ask("decrypt", passphrase=PASSPHRASE, salt=salt_of(secrets), texts=asked) == TEXTS


def test_we_decrypt_what_pulumi_encrypts(pulumi: Any, secrets: PassphraseSecrets) -> None:
    answered = pulumi.ask("encrypt", passphrase=PASSPHRASE, salt=salt_of(secrets), texts=TEXTS)
    assert [secrets.decrypt(text) for text in answered] == TEXTS


def test_pulumi_finds_its_witness_in_our_salt(pulumi: Any, secrets: PassphraseSecrets) -> None:
    witness = secrets.salt.split(":", 2)[2]
    assert pulumi.ask("decrypt", passphrase=PASSPHRASE, salt=salt_of(secrets), texts=[witness]) == ["pulumi"]


def test_we_open_a_salt_that_pulumi_made(pulumi: Any) -> None:
    salt = base64.b64encode(b"12345678").decode()
    [witness] = pulumi.ask("encrypt", passphrase="pw", salt=salt, texts=["pulumi"])
    opened = PassphraseSecrets.open("pw", f"v1:{salt}:{witness}", where="here", source="there")
    [text] = pulumi.ask("encrypt", passphrase="pw", salt=salt, texts=["hello"])
    assert opened.decrypt(text) == "hello"


def test_a_wrong_passphrase_is_seen_at_once(secrets: PassphraseSecrets) -> None:
    with pytest.raises(SecretsError, match=r"wrong passphrase.*from MY_VARIABLE.*Pulumi\.dev\.yaml.*Nothing was read"):
        PassphraseSecrets.open("wrong", secrets.salt, where="Pulumi.dev.yaml", source="MY_VARIABLE")


@pytest.mark.parametrize("salt", ["", "v2:x:y", "v1:only", "no salt at all"])
def test_a_salt_that_is_none(salt: str) -> None:
    with pytest.raises(SecretsError, match="salt"):
        PassphraseSecrets.open("pw", salt, where="Pulumi.dev.yaml", source="x")


def test_an_altered_secret_is_refused(secrets: PassphraseSecrets) -> None:
    version, nonce, text = secrets.encrypt("hello").split(":")
    altered = bytearray(base64.b64decode(text))
    altered[0] ^= 1
    with pytest.raises(SecretsError, match="altered"):
        secrets.decrypt(f"{version}:{nonce}:{base64.b64encode(altered).decode()}")
    with pytest.raises(SecretsError, match="form"):
        secrets.decrypt("v1:nothing")


def test_the_object_does_not_show_what_it_holds(secrets: PassphraseSecrets) -> None:
    assert PASSPHRASE not in repr(secrets)


def test_environment_first_then_file(tmp_path: Path) -> None:
    file = tmp_path / "phrase"
    file.write_text("from a file\n")
    environ = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    assert find_passphrase(environ, tmp_path, pytest.fail).value == "from a file"
    assert find_passphrase({**environ, "PULUMI_CONFIG_PASSPHRASE": ""}, tmp_path, pytest.fail).value == ""


def test_a_passphrase_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="PULUMI_CONFIG_PASSPHRASE_FILE"):
        find_passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")}, tmp_path, pytest.fail)


def test_the_sandbox_makes_its_own_once(tmp_path: Path) -> None:
    notices: list[str] = []
    home = tmp_path / "home"
    first = find_passphrase({}, home, notices.append)
    assert find_passphrase({}, home, notices.append).value == first.value
    assert len(first.value) >= 32
    assert (home / "passphrase").stat().st_mode & 0o777 == 0o600
    [notice] = notices
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={home / 'passphrase'}" in notice
    assert first.value not in notice + repr(first)


@dataclass
class SaltFile:
    path: Path = Path("Pulumi.dev.yaml")
    secrets_provider: str = ""
    encryption_salt: str = ""

    def write_salt(self, salt: str) -> None:
        self.encryption_salt = salt


def test_a_stack_without_salt_gets_one(tmp_path: Path) -> None:
    file = SaltFile()
    environ = {"PULUMI_CONFIG_PASSPHRASE": "pw"}
    made = open_secrets(file, environ=environ, home=tmp_path, notice=pytest.fail)
    assert file.encryption_salt == made.salt
    again = open_secrets(file, environ=environ, home=tmp_path, notice=pytest.fail)
    assert again.decrypt(made.encrypt("x")) == "x"


@pytest.mark.parametrize("provider", ["awskms://alias/x", "service", "azurekeyvault://v/k"])
def test_other_secrets_providers_are_refused(provider: str, tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match=r"passphrase secrets only.*change-secrets-provider passphrase"):
        open_secrets(SaltFile(secrets_provider=provider), environ={}, home=tmp_path, notice=pytest.fail)
    assert not (tmp_path / "passphrase").exists()
