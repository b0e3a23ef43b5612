"""No secret reaches a report, whether the program marked it or forgot to."""

from __future__ import annotations

import json

import previews
import pytest

from report.comment import LIMITS, comment
from report.masking import mask, mask_properties, mask_text
from report.page import write_page
from report.values import SECRET


def test_unmarked_secret_values_reach_neither_comment_nor_page(summaries) -> None:
    stacks = summaries(previews.secrets_forgotten())
    for written in (comment(stacks, LIMITS["gitlab"]), write_page(stacks)):
        assert "hunter2" not in written
        assert "this-is-a-name" in written


def test_text_that_came_with_a_secret_stays_hidden(summaries) -> None:
    marked = {**previews.SECRET, "ciphertext": "v1:abcdef", "plaintext": '"hunter2"'}
    stack = previews.Stack()
    stack.step("create", "custom:index:Thing", "thing", "", {"value": marked, "list": [marked]})
    stacks = summaries([stack.document()])
    for written in (comment(stacks), write_page(stacks)):
        assert "hunter2" not in written
        assert "v1:abcdef" not in written


def test_a_rotated_password_shows_a_change_without_values(summaries) -> None:
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
        "REGISTRY_PASS",
        "registryPass",
        "REGISTRY_PWD",
        "dbPwd",
        "DOCKER_AUTH",
        "registryAuth",
        "sharedKey",
        "encryptionKey",
        "ssh_key",
        "deployKey",
        "passwordId",
        "clientSecretId",
        "secret_id",
        "tokenrapid",
    ],
)
def test_a_value_under_a_secrets_key_is_masked(key: str) -> None:
    assert mask({key: "plain"}) == {key: SECRET}
    assert mask({"name": key, "value": "plain"}) == {"name": key, "value": SECRET}


@pytest.mark.parametrize(
    "key",
    [
        "secretName",
        "SECRET_NAME",
        "tokenName",
        "passwordPolicy",
        "automountServiceAccountToken",
        "accessKeyId",
        "encryptionKeyId",
        "eks.amazonaws.com/token-expiration",
        "bypass",
        "author",
        "compass",
    ],
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
def test_text_in_a_credentials_form_is_masked_everywhere(text: str) -> None:
    shown = json.dumps(mask({"note": f"see {text} there"}) if not text.startswith("{") else mask({"note": text}))
    assert SECRET in shown
    for part in ("c2lnbmF0dXJl", "s3cret", "abcdefghijklmnop", "dXNlcjpzM2NyZXQ", "IOSFODNN7", "MIIE"):
        assert part not in shown


def test_a_kubernetes_secret_is_masked_under_every_key() -> None:
    masked = mask_properties("kubernetes:core/v1:Secret", {"data": {"a": "x"}, "stringData": "y", "type": "Opaque"})
    assert masked == {"data": {"a": SECRET}, "stringData": SECRET, "type": "Opaque"}


@pytest.mark.parametrize(
    "text",
    [
        "AWS_SECRET_ACCESS_KEY=hunter2hunter2/x",
        "aws_secret_access_key = hunter2hunter2/x",
        "export PASSWORD='hunter2 and more'",
        '"password": "hunter2 and more"',
        '{\\"password\\": \\"hunter2\\"}',
        "Authorization: bearer hunter2hunter2",
        "authorization: basic hunter2hunter2",
        "https://a.blob.core.windows.net/b?sv=2022-11-02&sig=hunter2hunter2%3D&se=2030",
        "docker-login --docker-password hunter2",
        "login --password=hunter2",
        "https://user:p/hunter2@registry.example.com/v2/",
    ],
)
def test_values_assigned_to_secret_names_are_masked_in_text(text: str) -> None:
    """They stood in messages of providers and in scripts, and got through."""
    assert "hunter2" not in mask_text(text)
    assert SECRET in mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "docker://registry.example.com:5000/apps/orders@sha256:0123456789abcdef",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry-a1b2c3",
        "the secret:\n  name: mendix-registry",
        "krane auth login --password-stdin registry.example.com",
        "bearer authentication is refused",
        "signature of the design=final",
    ],
)
def test_text_without_a_secret_is_left_as_it_is(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/registry",
        "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k",
        "https://vault.vault.azure.net/keys/registry/0123456789abcdef",
    ],
)
def test_the_name_of_an_encryption_key_is_shown(value: str) -> None:
    assert mask({"encryptionKey": value}) == {"encryptionKey": value}
    assert mask({"authentication": {"method": value}}) == {"authentication": {"method": value}}


def test_an_option_for_a_password_hides_the_next_argument() -> None:
    assert mask({"args": ["login", "--password", "hunter2", "host"]}) == {
        "args": ["login", "--password", SECRET, "host"]
    }


def test_annotations_do_not_show_the_data_of_drifted_secrets(summaries) -> None:
    """kubectl keeps what it has applied last in an annotation: data and all."""
    stack = previews.Stack()
    key = "kubectl.kubernetes.io/last-applied-configuration"

    def secret(value: str) -> dict[str, object]:
        applied = json.dumps({"kind": "Secret", "data": {"registry": value}}) + "\n"
        metadata = {"name": "s", "namespace": "orders", "annotations": {key: applied, "of": f'["{value}"]', "by": "us"}}
        return {"metadata": metadata, "data": {"registry": value}}

    stack.step("refresh", previews.KUBERNETES_SECRET, "s", "", secret("aHVudGVyMw=="), secret("aHVudGVyMg=="))
    stack.steps[-1]["newState"]["outputs"] = secret("aHVudGVyMw==")
    stacks = summaries([stack.document()])
    for written in (comment(stacks), write_page(stacks)):
        assert "aHVudGVy" not in written
    # The same object in a list, or in the annotation of something else.
    applied = json.dumps(secret("aHVudGVyMw==") | {"kind": "Secret"})
    assert "aHVudGVy" not in json.dumps(mask({"items": [json.loads(applied)], "note": applied + "\n"}))


def test_a_policy_document_is_left_as_it_is() -> None:
    policy = previews.trust(previews.subject("orders"))
    assert mask({"assumeRolePolicy": policy}) == {"assumeRolePolicy": policy}
