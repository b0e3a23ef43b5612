"""No secret reaches a report, whether the program marked it or forgot to."""

from __future__ import annotations

import json

import previews
import pytest

from report.comment import LIMITS, comment
from report.masking import mask, mask_properties
from report.page import write_page
from report.values import SECRET


def test_values_that_a_program_forgot_to_mark_reach_neither_comment_nor_page(summaries) -> None:
    stacks = summaries(previews.secrets_forgotten())
    for written in (comment(stacks, LIMITS["gitlab"]), write_page(stacks)):
        assert "hunter2" not in written
        assert "this-is-a-name" in written


def test_a_ciphertext_or_a_plaintext_that_came_with_a_secret_is_not_shown(summaries) -> None:
    marked = {**previews.SECRET, "ciphertext": "v1:abcdef", "plaintext": '"hunter2"'}
    stack = previews.Stack()
    stack.step("create", "custom:index:Thing", "thing", "", {"value": marked, "list": [marked]})
    stacks = summaries([stack.document()])
    for written in (comment(stacks), write_page(stacks)):
        assert "hunter2" not in written
        assert "v1:abcdef" not in written


def test_a_rotated_password_shows_that_it_changes_but_neither_value(summaries) -> None:
    stack = previews.Stack()
    stack.step(
        "update",
        "custom:index:Thing",
        "thing",
        "",
        {"password": "hunter2-new"},
        {"password": "hunter2-old"},
        reasons=["password"],
        detailed={"password": "update"},
    )
    written = comment(summaries([stack.document()]))
    assert "hunter2" not in written
    assert "password" in written


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "adminPassword",
        "registry_password",
        "secretKey",
        "secret",
        "authToken",
        "privateKey",
        "connectionString",
        "kubeconfig",
        ".dockerconfigjson",
        "accessKey",
        "clientSecret",
        "passphrase",
    ],
)
def test_a_value_under_a_key_of_a_secret_is_masked(key: str) -> None:
    assert mask({key: "plain"}) == {key: SECRET}


@pytest.mark.parametrize(
    "key", ["secretName", "tokenName", "passwordPolicy", "automountServiceAccountToken", "accessKeyId"]
)
def test_a_value_about_a_secret_is_shown(key: str) -> None:
    value = False if key.startswith("automount") else "shown"
    assert mask({key: value}) == {key: value}


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl",
        "https://user:s3cret@registry.example.com/",
        "Authorization: Bearer abcdefghijklmnop",
        '{"auths":{"r":{"auth":"dXNlcjpzM2NyZXQ="}}}',
        "glpat-abcdefghijklmnopqrst",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_text_in_the_form_of_a_credential_is_masked_wherever_it_stands(text: str) -> None:
    shown = json.dumps(mask({"note": f"see {text} there"}) if not text.startswith("{") else mask({"note": text}))
    assert SECRET in shown
    for part in ("c2lnbmF0dXJl", "s3cret", "abcdefghijklmnop", "dXNlcjpzM2NyZXQ", "IOSFODNN7", "MIIE"):
        assert part not in shown


def test_all_of_a_kubernetes_secret_is_masked_whatever_its_keys_are() -> None:
    masked = mask_properties("kubernetes:core/v1:Secret", {"data": {"a": "x"}, "stringData": "y", "type": "Opaque"})
    assert masked == {"data": {"a": SECRET}, "stringData": SECRET, "type": "Opaque"}


def test_a_policy_document_is_left_as_it_is() -> None:
    policy = previews.trust(previews.subject("orders"))
    assert mask({"assumeRolePolicy": policy}) == {"assumeRolePolicy": policy}
