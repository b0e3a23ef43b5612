"""Remote state: a backend or key that would fail, leak or be missed by the next machine is refused before anything exists."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from fleet.fleet_file import State
from fleet.state import state_needs, state_problems
from tests.fleet.conftest import GENERIC, STATE, Workspace, fleet_content

AWSKMS = "awskms://alias/pulumi?region=eu-west-1"
VAULT_KEY = "azurekeyvault://acme.vault.azure.net/keys/pulumi"
CLOUD_KMS = "gcpkms://projects/acme/locations/europe-west4/keyRings/pulumi/cryptoKeys/mendix"


def told(backend: str | None, provider: str | None) -> list[str]:
    return [
        str(problem)
        for problem in state_problems(State(backend=backend, secrets_provider=provider, organization="acme"))
    ]


@pytest.mark.parametrize(
    ("backend", "provider", "permission"),
    [
        ("s3://acme/mendix?region=eu-west-1", AWSKMS, "kms:Decrypt"),
        (
            "s3://acme?region=eu-west-1",
            "awskms:///arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34bc-56ef-1234567890ab?region=eu-west-1",
            "s3:DeleteObject",
        ),
        ("azblob://state?storage_account=acme", VAULT_KEY, "Key Vault Crypto User (a role)"),
        ("gs://acme-state", CLOUD_KMS, "roles/cloudkms.cryptoKeyEncrypterDecrypter"),
        ("postgres://pulumi@db.example.com:5432/state?sslmode=verify-full", "hashivault://pulumi", "CONNECT"),
        ("postgres://pulumi@db.example.com/state?sslmode=verify-ca", "passphrase", "CONNECT"),
        ("https://api.pulumi.example.com", None, "an access token that may write the stacks"),
    ],
)
def test_each_backend_with_its_key_service(backend: str, provider: str | None, permission: str) -> None:
    assert told(backend, provider) == []
    needs = state_needs(State(backend=backend, secrets_provider=provider))
    assert permission in [which for need in needs for which in need.which]


@pytest.mark.parametrize(
    ("backend", "provider", "words"),
    [
        ("file:///var/state", AWSKMS, "a directory of one machine"),
        ("ftp://acme", AWSKMS, "'ftp' is no backend"),
        ("s3://acme", AWSKMS, "bucket's region is missing"),
        ("s3://?region=eu-west-1", AWSKMS, "names no bucket"),
        ("s3://acme?region=eu-west-1&disableSSL=true", AWSKMS, "travel unencrypted"),
        ("azblob://state", VAULT_KEY, "storage account is missing"),
        ("postgres://db.example.com/state?sslmode=disable", AWSKMS, "certificate is not verified"),
        ("postgres://db.example.com/state", AWSKMS, "certificate is not verified"),
        ("postgres://db.example.com?sslmode=verify-full", AWSKMS, "the host or the database is missing"),
        ("gs://acme", None, "state.secretsProvider"),
        ("gs://acme", "awskms://alias/pulumi", "key's region is missing"),
        ("gs://acme", "gcpkms://projects/acme/keyRings/pulumi", "names no key of gcpkms"),
        ("gs://acme", "azurekeyvault://acme.example.com/keys/k", "names no key of azurekeyvault"),
        ("gs://acme", "sops://x", "'sops' is no secrets provider"),
    ],
)
def test_a_state_that_would_fail_or_leak_is_rejected(backend: str, provider: str | None, words: str) -> None:
    [problem] = told(backend, provider)
    assert words in problem.lower() or words in problem
    assert "do:  " in problem


def test_a_password_in_the_backends_url_is_never_repeated() -> None:
    [problem] = told("postgres://pulumi:canary-1234@db.example.com/state?sslmode=verify-full", AWSKMS)
    assert "PGPASSWORD" in problem and "canary-1234" not in problem


def test_a_pulumi_cloud_needs_the_organization() -> None:
    [problem] = state_problems(State(backend="https://api.pulumi.com"))
    assert problem.path == "state.organization"


FAKE_PULUMI = """#!/bin/sh
echo "$@" >> "$LOG"
case "$1 $2" in "stack select") case "$3" in *prod-01) ;; *) exit 1 ;; esac ;; esac
"""


@pytest.mark.parametrize("state", [STATE, {"backend": "https://api.pulumi.example.com", "organization": "acme"}])
def test_the_script_makes_the_stacks_that_are_not_there(workspace: Workspace, state: dict[str, Any]) -> None:
    workspace.write(fleet_content(GENERIC, 40, 3, state=state))
    result = workspace.run("state")
    assert result.exit_code == 0
    pulumi, log = workspace.directory / "pulumi", workspace.directory / "log"
    pulumi.write_text(FAKE_PULUMI)
    pulumi.chmod(0o755)
    environment = {"PATH": f"{workspace.directory}:/usr/bin:/bin", "LOG": str(log)}
    subprocess.run(["/bin/sh"], input=result.stdout, env=environment, text=True, check=True)
    calls = log.read_text().splitlines()
    assert calls[0] == f"login {state['backend']}"
    provider = f" --secrets-provider {state['secretsProvider']}" if "secretsProvider" in state else ""
    owner = f"{state['organization']}/" if "organization" in state else ""
    assert [call for call in calls if "init" in call] == [f"stack init {owner}prod-0{n}{provider}" for n in (0, 2)]
