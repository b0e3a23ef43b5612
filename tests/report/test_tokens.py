"""Tokens of the registries that the kinds and presets are for never reach a report, wherever they stand."""

from __future__ import annotations

import base64
import json
import random
import string

import previews
import pytest

from report.comment import comment
from report.masking import mask, mask_text
from report.page import write_page
from report.values import SECRET

ALPHANUMERIC = string.ascii_letters + string.digits
URL = ALPHANUMERIC + "-_"


KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def _random(alphabet: str, length: int) -> str:
    """The same in each run, with small letters, capitals and digits where the alphabet has them."""
    kinds = [kind for kind in KINDS if set(kind) & set(alphabet)]
    ends = "".join(next(c for c in alphabet if c in kind) for kind in kinds)
    return "".join(random.Random(length).choices(alphabet, k=length - len(ends))) + ends  # noqa: S311 - not a secret


# Forms: docs.gitlab.com/security/tokens, docs.docker.com, and the detectors of detect-secrets 1.5.0 and gitleaks 8.
TOKENS = {
    **{
        f"GitLab {prefix}": f"{prefix}{_random(URL, 20)}"
        for prefix in (
            *("glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-64_", "glptt-", "glft-", "glimt-", "glagent-", "glwt-"),
            *("glsoat-", "glffct-", "gloas-", "GR1348941"),
        )
    },
    "GitLab, with dots": f"glpat-{_random(URL, 27)}.01.{_random(string.digits + string.ascii_lowercase, 9)}",
    "Docker Hub": f"dckr_pat_{_random(URL, 27)}",
    "Docker Hub, organisation": f"dckr_oat_{_random(URL, 32)}",
    "quay.io robot": _random(string.ascii_uppercase + string.digits, 64),
    "JFrog API key": f"AKCp8{_random(ALPHANUMERIC, 68)}",
    "JFrog reference token": base64.b64encode(b"reftkn:01:1700000000:" + b"a" * 20).decode(),
    "OpenShift": f"sha256~{_random(URL, 43)}",
    "ECR password": base64.b64encode(json.dumps({"payload": "x" * 99, "version": "2"}).encode()).decode(),
    "ECR authorization": base64.b64encode(b"AWS:" + base64.b64encode(b'{"payload":"xxxxxxxxxxxx"}')).decode(),
    "EKS": f"k8s-aws-v1.{_random(URL, 60)}",
    "AWS session": f"IQoJb3JpZ2luX2Vj{_random(ALPHANUMERIC, 200)}",
    "AWS key id": "AKIAIOSFODNN7EXAMPLE",
    "ACR password": f"{_random(ALPHANUMERIC, 42)}+ACR{_random(ALPHANUMERIC, 6)}",
    "ACR password, newer": f"{_random(ALPHANUMERIC, 52)}JQQJ99BA{_random(ALPHANUMERIC, 24)}",
    "Entra application": f"abc8Q~{_random(ALPHANUMERIC, 34)}",
    "Azure DevOps": f"{_random(ALPHANUMERIC, 76)}AZDO1a2B",
    "Google access token": f"ya29.c.{_random(URL, 100)}",
    "Google refresh token": f"1//0{_random(URL, 60)}",
    "Google client": f"GOCSPX-{_random(URL, 28)}",
    "Google key in base64": base64.b64encode(b'{\n  "type": "service_account",\n  "private_key": "x"}').decode(),
    "Docker config in base64": base64.b64encode(b'{"auths":{"r":{"auth":"dXNlcjpodW50ZXIy"}}}').decode(),
    "key of a kubeconfig": base64.b64encode(b"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA").decode(),
    "Pulumi": f"pul-{_random('0123456789abcdef', 40).lower()}",
    "GitHub": f"ghp_{_random(ALPHANUMERIC, 36)}",
}
ALONE = {
    "Harbor robot": _random(ALPHANUMERIC, 32),
    "AWS secret key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE1",
    "quay.io application": _random(ALPHANUMERIC, 40),
    "Nexus user token": f"{_random(ALPHANUMERIC + '+/', 43)}=",
    "Azure DevOps, older": _random("abcdefghijklmnopqrstuvwxyz234567", 52),
}


@pytest.mark.parametrize("whose", TOKENS)
def test_a_token_is_masked_whole_wherever_it_stands(whose: str) -> None:
    token = TOKENS[whose]
    for around in ("{}", "docker: {} is refused", "value='{}'", "https://h/v2/?x={}&y"):
        assert mask_text(around.format(token)) == around.format(SECRET)


@pytest.mark.parametrize("whose", ALONE)
def test_a_token_without_a_known_form_is_masked(whose: str) -> None:
    assert mask({"note": ALONE[whose], "list": [ALONE[whose]]}) == {"note": SECRET, "list": [SECRET]}


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:iam::123456789012:role/mendix-registry-orders-production-eu-west-1",
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r",
        "oidc.eks.eu-west-1.amazonaws.com/id/5C4F0E1D2B3A49588776655443322110",
        "gcr.io/go-containerregistry/krane@sha256:" + "0a" * 32,
        "0123456789abcdef0123456789abcdef01234567",
        "projects/acme/locations/europe-west4/repositories/mendix-apps",
        "gitlab+deploy-token-1",
        "global-registry-of-mendix-orders-production",
        "robot$mendix+orders",
        "MENDIX_REGISTRY_ORDERS_PASSWORD_ENVIRONMENT_VARIABLE",
        "-----BEGIN CERTIFICATE-----",
        base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA").decode(),
        "system:serviceaccount:mendix-orders:mendix-builder",
        "krane auth login --password-stdin registry.example.com",
        "oc login -n mendix registry.example.com",
    ],
)
def test_what_a_reviewer_has_to_see_is_no_token(value: str) -> None:
    assert mask({"note": value}) == {"note": value}
    assert mask_text(value) == value


@pytest.mark.parametrize(
    "text",
    [
        "docker login -u robot -p hunter2hunter2 r.example.com",
        "helm registry login r.example.com -u a -p 'hunter2 x'",
        "skopeo copy --dest-creds robot:hunter2 a b",
        "docker login -phunter2hunter2",
    ],
)
def test_passwords_of_login_commands_are_masked(text: str) -> None:
    assert "hunter2" not in mask_text(text)
    assert "hunter2" not in json.dumps(mask({"command": text.replace("'hunter2 x'", "hunter2").split()}))


def _shown(summaries, stack: previews.Stack) -> str:
    stacks = summaries([stack.document()])
    return comment(stacks) + write_page(stacks)


@pytest.mark.parametrize("mark", [SECRET, previews.SECRET, {**previews.SECRET, "plaintext": '"correct horse"'}])
def test_a_value_marked_once_is_hidden_everywhere(mark: object, summaries) -> None:
    """An output that the provider marks, whose input the program has not: and the provider's message repeats it."""
    stack = previews.Stack()
    stack.step(
        "update",
        "custom:index:Thing",
        "thing",
        "",
        {"motto": "correct horse", "url": "https://h/?m=correct%20horse", "note": "Y29ycmVjdCBob3JzZQ=="},
        {"motto": mark},
        more_new={"outputs": {"motto": mark}},
    )
    stack.step("create", "custom:index:Thing", "other", "", {"args": ["say correct horse twice"], "name": "seen"})
    stack.say("error", "the motto correct horse is wrong")
    shown = _shown(summaries, stack)
    assert "correct" not in shown
    assert "Y29ycmVjdCBob3JzZQ" not in shown
    assert "seen" in shown


def test_a_short_marked_value_does_not_hide_other_words(summaries) -> None:
    stack = previews.Stack()
    stack.step("update", "custom:index:Thing", "thing", "", {"motto": "a"}, {"motto": SECRET})
    stack.step("create", "custom:index:Thing", "other", "", {"name": "banana"})
    assert "banana" in _shown(summaries, stack)
