"""https or plain http: the rule by go-containerregistry's own code, and what is decided from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mendix_registry.settings.plain_http import parse_version, plain_http_rule
from mendix_registry.settings.transport import Transport, decide

SCHEMES = json.loads(Path(__file__).with_name("go_containerregistry_schemes.json").read_text())
"""What ``name.NewRegistry(host).Scheme()`` of each version says, printed by a Go program that imports that version."""

CASES = [(host, version, scheme) for host, versions in SCHEMES.items() for version, scheme in versions.items()]


@pytest.mark.parametrize(("host", "version", "scheme"), CASES)
def test_a_version_is_not_believed_to_encrypt_where_its_own_code_does_not(host: str, version: str, scheme: str) -> None:
    number = parse_version(version)
    assert number is not None
    assert (plain_http_rule(host, number) is not None) == (scheme == "http")


def test_the_versions_disagree_somewhere_else_the_table_would_prove_nothing() -> None:
    told = {tuple(versions.values()) for versions in SCHEMES.values()}
    assert len(told) == 4


def test_a_cluster_name_is_https_unless_an_old_client_is_named() -> None:
    host = "registry.container-registry.svc.cluster.local:5000"
    newest = decide(host, Transport())
    assert not newest.insecure
    assert "insists on https" in newest.reason and "versions before 0.21.6 allow plain http" in newest.reason
    old = decide(host, Transport(client_version="0.21.5"))
    assert old.insecure and "go-containerregistry 0.21.5 allows plain http" in old.reason
    between = decide(host, Transport(client_version="v0.21.6"))
    assert not between.insecure


def test_a_name_with_a_loopback_address_in_it_is_not_loopback() -> None:
    host = "127.0.0.1.evil.com"
    assert not decide(host, Transport()).insecure
    assert decide(host, Transport(client_version="0.21.6")).insecure


@pytest.mark.parametrize("insecure", [True, False])
def test_what_the_stack_file_says_wins_over_every_rule(insecure: bool) -> None:
    for host in ("10.0.0.5:5000", "registry.example.com"):
        decision = decide(host, Transport(insecure=insecure))
        assert decision.insecure is insecure and "the stack file sets" in decision.reason
        assert decision.scheme == ("http" if insecure else "https")
