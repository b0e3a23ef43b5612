"""The copy of a stack file that Pulumi's CLI gets in the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from rehearsal.sandbox.project import Project, UsageError
from rehearsal.sandbox.stack_copy import StackCopy, copy_stack_file

PLAIN = "config:\n  mendix-registry:registry:\n    type: generic # with a comment\n    open: yes\n"
ENCRYPTED = """config:
  mendix-registry:registry:
    type: generic
    authentication:
      password: {secure: AAABAO/abc=}
      others:
        - plain
        - secure: v1:def
  mendix-registry:token:
    secure: AAAB
"""
SALT = "encryptionsalt: v1:abc=:v1:def:ghi==\n"
MADE_UP = (
    "mendix-registry:registry.authentication.password",
    "mendix-registry:registry.authentication.others[1]",
    "mendix-registry:token",
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "Pulumi.yaml", "mendix-registry", tmp_path)


def copied(project: Project, text: str, **environ: str) -> StackCopy:
    (project.root / "Pulumi.prod.yaml").write_text(text)
    return copy_stack_file(project, "prod", project.root / "home", environ)


def test_a_file_without_secrets_is_copied_letter_for_letter(project: Project) -> None:
    """Reading and writing it as YAML would turn `yes` into `true`."""
    copy = copied(project, PLAIN, PULUMI_CONFIG_PASSPHRASE="of another project")
    assert copy.path.read_text() == PLAIN
    assert (copy.made_up, copy.opened, copy.has_salt) == ((), False, False)
    assert (project.root / "Pulumi.prod.yaml").read_text() == PLAIN


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("secretsprovider: awskms://alias/pulumi?region=eu-west-1\nencryptedkey: AQICAH\n", "only awskms opens"),
        (SALT, "PULUMI_CONFIG_PASSPHRASE"),
        ("", "only Pulumi Cloud opens"),
    ],
)
def test_secrets_that_cannot_be_decrypted_are_reported_with_reasons(project: Project, line: str, why: str) -> None:
    copy = copied(project, line + ENCRYPTED)
    assert copy.made_up == MADE_UP
    assert why in copy.why
    assert copy.path.read_text() == ENCRYPTED, "what would open the secrets is left out"


def test_secrets_with_a_known_passphrase_are_encrypted_again(project: Project) -> None:
    copy = copied(project, ENCRYPTED + SALT, PULUMI_CONFIG_PASSPHRASE_FILE="/a/file")
    assert (copy.secrets, copy.made_up, copy.opened) == (MADE_UP, (), True)
    assert copy.path.read_text() == ENCRYPTED, "the sandbox's passphrase gets a salt of its own"


def test_another_passphrase_is_another_copy(project: Project) -> None:
    copied(project, ENCRYPTED + SALT).complete()
    assert copied(project, ENCRYPTED + SALT, PULUMI_CONFIG_PASSPHRASE="x").fresh


def test_the_sandboxes_salt_survives_a_change_of_the_file(project: Project) -> None:
    first = copied(project, PLAIN)
    first.path.write_text(PLAIN + SALT)
    first.complete()
    assert not copied(project, PLAIN).fresh, "an unchanged file is copied once"
    second = copied(project, PLAIN.replace("yes", "no"))
    assert second.fresh and second.has_salt
    assert second.path.read_text() == PLAIN.replace("yes", "no") + SALT


def test_a_json_stack_file_keeps_its_values_with_salt(project: Project) -> None:
    content = {"config": {"mendix-registry:registry": {"type": "generic", "tag": "yes", "more": ["1.0", 1, None]}}}
    copy = copied(project, json.dumps(content))
    copy.path.write_text(f"{copy.path.read_text()}{SALT}")
    assert copy.has_salt
    again = copied(project, json.dumps({**content, "secretsprovider": "awskms://x"}))
    assert yaml.safe_load(again.path.read_text()) == {**content, **yaml.safe_load(SALT)}


def test_a_copy_that_was_not_completed_is_made_again(project: Project) -> None:
    assert copied(project, ENCRYPTED).fresh
    assert copied(project, ENCRYPTED).fresh


def test_what_is_no_yaml_is_rejected_with_its_place(project: Project) -> None:
    with pytest.raises(UsageError, match=r"Pulumi\.prod\.yaml:\d+:\d+: this is not YAML"):
        copied(project, "config:\n  a: [1,\n")
