"""The partitions of AWS: which regions belong to each, and under which names Amazon ECR is reached there.

Sources: botocore's ``endpoints.json`` and ``partitions.json`` (regions, DNS suffixes); the host pattern of
``amazon-ecr-credential-helper`` (``ecr-login/api/client.go``), with which Mendix's build recognizes ECR: a host outside it is
taken for a registry without a token exchange, whatever DNS answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Partition: TypeAlias = Literal[
    "aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"
]

Endpoint: TypeAlias = Literal["standard", "fips", "dual-stack", "fips-dual-stack"]
"""Which of ECR's names is used: the ordinary one, the one with FIPS 140 validated cryptography, the one with IPv4 and IPv6."""


@dataclass(frozen=True, slots=True)
class PartitionNames:
    """A partition's names: ``regions`` is the pattern of its regions, ``suffix`` ends the registry's host, ``dual_stack_suffix``
    its dual-stack host (None: the client knows no such name)."""

    regions: re.Pattern[str]
    suffix: str
    dual_stack_suffix: str | None = None


PARTITIONS: dict[Partition, PartitionNames] = {
    "aws-cn": PartitionNames(re.compile(r"cn-\w+-\d+"), "amazonaws.com.cn", "on.amazonwebservices.com.cn"),
    "aws-us-gov": PartitionNames(re.compile(r"us-gov-\w+-\d+"), "amazonaws.com", "on.aws"),
    "aws-iso": PartitionNames(re.compile(r"us-iso-\w+-\d+"), "c2s.ic.gov"),
    "aws-iso-b": PartitionNames(re.compile(r"us-isob-\w+-\d+"), "sc2s.sgov.gov"),
    "aws-iso-e": PartitionNames(re.compile(r"eu-isoe-\w+-\d+"), "cloud.adc-e.uk"),
    "aws-iso-f": PartitionNames(re.compile(r"us-isof-\w+-\d+"), "csp.hci.ic.gov"),
    "aws-eusc": PartitionNames(re.compile(r"eusc-\w+-\w+-\d+"), "amazonaws.eu"),
    "aws": PartitionNames(re.compile(r"[a-z]{2}-\w+-\d+"), "amazonaws.com", "on.aws"),
}

FIPS_REGIONS = frozenset({"us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1"})
"""Regions where ECR has a FIPS name (botocore ``endpoints.json``, service ``api.ecr``, ``fips-dkr-*``)."""


def partition_of(region: str) -> Partition | None:
    """The partition that ``region`` belongs to by its name, or None if the name fits no partition."""
    return next((name for name, names in PARTITIONS.items() if names.regions.fullmatch(region)), None)


def ecr_host(account_id: str, region: str, partition: str, endpoint: Endpoint = "standard") -> str:
    """The host of an account's registry in a region.

    :raises ValueError: no partition of this name, or it has no dual-stack name.
    """
    names = next((names for name, names in PARTITIONS.items() if name == partition), None)
    if names is None:
        raise ValueError(f"{partition!r} is no partition of AWS known here; known: {', '.join(PARTITIONS)}")
    service = "ecr-fips" if endpoint.startswith("fips") else "ecr"
    if not endpoint.endswith("dual-stack"):
        return f"{account_id}.dkr.{service}.{region}.{names.suffix}"
    if names.dual_stack_suffix is None:
        raise ValueError(f"the partition {partition} has no dual-stack name that clients recognise as ECR")
    return f"{account_id}.dkr-{service}.{region}.{names.dual_stack_suffix}"
