"""Type tokens: every one that the stock SDK registers, and those that must be refused."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from rehearsal.providers.kubernetes.kinds import Kind, UnsupportedTypeError, parse_token, type_of_urn


def sdk_tokens() -> list[str]:
    spec = importlib.util.find_spec("pulumi_kubernetes")
    assert spec is not None and spec.origin is not None
    text = Path(spec.origin).read_text()
    return sorted(set(re.findall(r'"(kubernetes:[^":]+:[A-Za-z]+)"', text)))


def test_every_resource_of_the_sdk_is_either_an_api_object_or_refused_with_a_reason() -> None:
    tokens = sdk_tokens()
    assert len(tokens) > 500  # the pattern reads the SDK's registrations
    refused = []
    for token in tokens:
        try:
            parsed = parse_token(token)
        except UnsupportedTypeError:
            refused.append(token)
            continue
        name = token.rpartition(":")[2]
        assert parsed.kind.kind == name.removesuffix("Patch")
        assert parsed.patch == name.endswith("Patch")
        assert parsed.kind.built_in, f"{token}: its group is missing from BUILT_IN_GROUPS"
    other = [token for token in refused if not token.endswith("List")]
    assert {token.split(":")[1].split("/")[0] for token in other} <= {"helm.sh", "kustomize", "yaml"}


@pytest.mark.parametrize(
    ("token", "kind", "patch"),
    [
        ("kubernetes:core/v1:ConfigMap", Kind("", "v1", "ConfigMap"), False),
        ("kubernetes:batch/v1:Job", Kind("batch", "v1", "Job"), False),
        ("kubernetes:core/v1:ServiceAccountPatch", Kind("", "v1", "ServiceAccount"), True),
        (
            "kubernetes:privatecloud.mendix.com/v1alpha1:OperatorConfiguration",
            Kind("privatecloud.mendix.com", "v1alpha1", "OperatorConfiguration"),
            False,
        ),
        (
            "kubernetes:privatecloud.mendix.com/v1alpha1:OperatorConfigurationPatch",
            Kind("privatecloud.mendix.com", "v1alpha1", "OperatorConfiguration"),
            True,
        ),
        ("kubernetes:example.com/v1:AllowList", Kind("example.com", "v1", "AllowList"), False),
    ],
)
def test_tokens_name_kinds(token: str, kind: Kind, patch: bool) -> None:
    parsed = parse_token(token)
    assert (parsed.kind, parsed.patch) == (kind, patch)


def test_a_custom_kind_may_itself_end_in_patch() -> None:
    parsed = parse_token("kubernetes:example.com/v1:JSONPatch", "JSONPatch")
    assert parsed.kind.kind == "JSONPatch" and not parsed.patch


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("kubernetes:helm.sh/v3:Release", "rendered on the client"),
        ("kubernetes:yaml/v2:ConfigGroup", "rendered on the client"),
        ("kubernetes:core/v1:PodList", "list kinds"),
        ("aws:s3/bucket:Bucket", "no type of the kubernetes package"),
        ("kubernetes:v1:ConfigMap", "names no API group"),
        ("kubernetes:core/v1", "no type of the kubernetes package"),
    ],
)
def test_what_is_refused_is_refused_with_its_reason(token: str, reason: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=reason):
        parse_token(token)


def test_core_has_no_group_in_api_versions() -> None:
    assert Kind.of("v1", "Pod") == Kind.of("core/v1", "Pod") == Kind("", "v1", "Pod")
    assert Kind.of("v1", "Pod").api_version == "v1"
    assert Kind.of("batch/v1", "Job").api_version == "batch/v1"


def test_the_type_in_a_urn_is_the_resources_own() -> None:
    assert type_of_urn("urn:pulumi:s::p::my:a:Comp$kubernetes:core/v1:Secret::n") == "kubernetes:core/v1:Secret"
    assert type_of_urn("nonsense") == ""
