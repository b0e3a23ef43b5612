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
def test_only_versions_whose_code_encrypts_are_trusted_to(host: str, version: str, scheme: str) -> None:
    number = parse_version(version)
    assert number is not None
    assert (plain_http_rule(host, number) is not None) == (scheme == "http")


def test_the_table_has_versions_with_different_rules() -> None:
    told = {tuple(versions.values()) for versions in SCHEMES.values()}
    assert len(told) == 4


def test_a_cluster_name_means_https_except_for_old_clients() -> None:
    host = "registry.container-registry.svc.cluster.local:5000"
    newest = decide(host, Transport())
    assert not newest.insecure
    assert "insists on https" in newest.reason and "versions before 0.21.6 allow plain http" in newest.reason
    old = decide(host, Transport(client_version="0.21.5"))
    assert old.insecure and "go-containerregistry 0.21.5 allows plain http" in old.reason
    between = decide(host, Transport(client_version="v0.21.6"))
    assert not between.insecure


def test_a_name_containing_a_loopback_address_is_no_loopback() -> None:
    host = "127.0.0.1.evil.com"
    assert not decide(host, Transport()).insecure
    assert decide(host, Transport(client_version="0.21.6")).insecure


@pytest.mark.parametrize("insecure", [True, False])
def test_the_stack_file_takes_precedence_over_every_rule(insecure: bool) -> None:
    for host in ("10.0.0.5:5000", "registry.example.com"):
        decision = decide(host, Transport(insecure=insecure))
        assert decision.insecure is insecure and "the stack file sets" in decision.reason
        assert decision.scheme == ("http" if insecure else "https")
