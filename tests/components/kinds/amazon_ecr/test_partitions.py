"""Hosts in every partition, with AWS's own endpoint data and the credential helper's pattern as oracles."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore
import pytest

from mendix_registry.kinds.amazon_ecr.partitions import FIPS_REGIONS, PARTITIONS, ecr_host, partition_of

DATA = json.loads((Path(botocore.__file__).parent / "data" / "endpoints.json").read_text())
AWS = {partition["partition"]: partition for partition in DATA["partitions"]}
HELPER = re.compile(
    # amazon-ecr-credential-helper v0.12.0, ecr-login/api/client.go: what it does not match gets no token.
    r"(^[a-zA-Z0-9][a-zA-Z0-9-_]*)\.dkr[\.\-]ecr(\-fips)?\.([a-zA-Z0-9][a-zA-Z0-9-_]*)\."
    r"(amazonaws\.(com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$"
)


def test_the_partitions_are_those_of_aws() -> None:
    assert set(PARTITIONS) == set(AWS)


@pytest.mark.parametrize("name", PARTITIONS)
def test_regions_and_suffix_are_those_of_aws(name: str) -> None:
    assert PARTITIONS[name].suffix == AWS[name]["dnsSuffix"]
    for region in AWS[name]["regions"]:
        assert partition_of(region) == name, region
        assert HELPER.fullmatch(ecr_host("123456789012", region, name))


def test_hosts_are_those_that_aws_lists() -> None:
    listed = 0
    for name, partition in AWS.items():
        for key, endpoint in partition["services"].get("api.ecr", {}).get("endpoints", {}).items():
            match = re.fullmatch(r"(fips-)?dkr-(.+)", key)
            if match is None:
                continue
            region = match[2]
            kind = "fips" if match[1] else "standard"
            expected = endpoint.get("hostname")
            if expected and kind == "fips":
                listed += 1
                assert region in FIPS_REGIONS
                assert ecr_host("123456789012", region, name, "fips").removeprefix("123456789012.").removeprefix(
                    "dkr."
                ) == expected.removeprefix("api.").replace("ecr-fips.", "ecr-fips.")
    assert listed == len(FIPS_REGIONS)


@pytest.mark.parametrize(
    ("region", "endpoint", "host"),
    [
        ("eu-west-1", "standard", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
        ("us-east-1", "fips", "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", "dual-stack", "123456789012.dkr-ecr.eu-west-1.on.aws"),
        ("us-gov-west-1", "fips-dual-stack", "123456789012.dkr-ecr-fips.us-gov-west-1.on.aws"),
        ("cn-north-1", "standard", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("cn-north-1", "dual-stack", "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"),
        ("us-iso-east-1", "standard", "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "standard", "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "standard", "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "standard", "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov"),
        ("eusc-de-east-1", "standard", "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_a_host_that_mendix_recognises_as_ecr(region: str, endpoint: str, host: str) -> None:
    partition = partition_of(region)
    assert partition is not None
    assert ecr_host("123456789012", region, partition, endpoint) == host  # type: ignore[arg-type]
    assert HELPER.fullmatch(host)


def test_a_partition_without_dual_stack_is_rejected() -> None:
    with pytest.raises(ValueError, match="no dual-stack"):
        ecr_host("123456789012", "eusc-de-east-1", "aws-eusc", "dual-stack")


@pytest.mark.parametrize("region", ["eu-west-1a", "", "europe-west1", "us-gov-west", "EU-WEST-1"])
def test_what_is_no_region_has_no_partition(region: str) -> None:
    assert partition_of(region) is None
