"""How a cluster is reached is read from the kubeconfig as Kubernetes reads it, not searched for in its text."""

from __future__ import annotations

import pytest

from tests.policy.registrations import judged

PROVIDER = "pulumi:providers:kubernetes"


@pytest.mark.parametrize(
    ("cluster", "complaint"),
    [
        ("insecure-skip-tls-verify:  true", "verify"),
        ("insecure-skip-tls-verify: True # for now", "verify"),
        ("'insecure-skip-tls-verify': yes", "verify"),
        ("insecure-skip-tls-verify: !!bool true", "verify"),
        ("{server: https://a, insecure-skip-tls-verify: true}", "verify"),
        ("server: http://a:8080", "plain http"),
        ("server: HTTP://a", "plain http"),
        ("server: a:8080", "plain http"),
        ('server: "http\\u003A//a"', "plain http"),
    ],
)
def test_a_kubeconfig_is_read_and_not_searched(cluster: str, complaint: str) -> None:
    """Two spaces instead of one were enough to get past a search for the text."""
    found = judged(PROVIDER, {"kubeconfig": f"clusters:\n- name: a\n  cluster:\n    {cluster}\n"})
    assert complaint in found["no-plain-http"][0]


def test_json_with_tabs_is_read_too() -> None:
    text = '{"clusters": [{\n\t"cluster": {\n\t\t"insecure-skip-tls-verify"\n: true}}]}'
    assert "verify" in judged(PROVIDER, {"kubeconfig": text})["no-plain-http"][0]


@pytest.mark.parametrize(
    "kubeconfig",
    [
        "clusters: [{cluster: {server: https://a, insecure-skip-tls-verify: false}}]",
        "clusters:\n- cluster:\n    server: https://a\n    # insecure-skip-tls-verify: true\n",
        "/home/deployer/.kube/config",
        "",
    ],
)
def test_a_kubeconfig_that_verifies_passes(kubeconfig: str) -> None:
    assert judged(PROVIDER, {"kubeconfig": kubeconfig}) == {}


def test_an_unreadable_kubeconfig_is_rejected_and_not_quoted() -> None:
    (found,) = judged(PROVIDER, {"kubeconfig": "users: [{token: canary"})["no-plain-http"]
    assert "canary" not in found
