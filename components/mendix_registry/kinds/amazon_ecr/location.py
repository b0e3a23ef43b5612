"""Where the registry is: account, region and partition, from the stack file or else from the provider."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import get_caller_identity_output, get_partition_output, get_region_output

from mendix_registry.kinds.amazon_ecr.partitions import ecr_host, partition_of
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry


@dataclass(frozen=True, slots=True)
class Location:
    """Account id, region, partition and host of a registry.

    ``repositories`` is what the ARN of each of its repositories begins with. ``given_region`` is the region as the stack file or
    ``aws:region`` gives it, None where only the provider knows it: resources then do not set it.
    """

    account_id: pulumi.Output[str]
    region: pulumi.Output[str]
    partition: pulumi.Output[str]
    host: pulumi.Output[str]
    repositories: pulumi.Output[str]
    given_region: str | None

    def repository_arn(self, repository: str) -> pulumi.Output[str]:
        """The ARN of the repository of this name."""
        return self.repositories.apply(lambda beginning: beginning + repository)


def locate(registry: AmazonEcrRegistry, parent: pulumi.Resource) -> Location:
    """What the stack file gives, completed by the provider where it leaves something out."""
    options = pulumi.InvokeOptions(parent=parent)
    region = registry.region or pulumi.Config("aws").get("region")
    known_region = pulumi.Output.from_input(region) if region else get_region_output(opts=options).region
    account_id = (
        pulumi.Output.from_input(registry.account_id)
        if registry.account_id
        else get_caller_identity_output(opts=options).account_id
    )
    named = registry.known_partition or (partition_of(region) if region else None)
    partition = pulumi.Output.from_input(named) if named else get_partition_output(opts=options).partition
    host = pulumi.Output.all(account_id, known_region, partition).apply(
        lambda parts: ecr_host(parts[0], parts[1], parts[2], registry.endpoint)
    )
    repositories = pulumi.Output.all(partition, known_region, account_id).apply(
        lambda parts: f"arn:{parts[0]}:ecr:{parts[1]}:{parts[2]}:repository/"
    )
    return Location(account_id, known_region, partition, host, repositories, region)


def import_id(identity: str, region: str | None) -> str:
    """The id with which the provider finds ``identity`` in ``region``: it reads an import's region from the id alone, whatever
    the resource's own ``region`` is, and looks in its own region without one."""
    return identity if region in (None, pulumi.Config("aws").get("region")) else f"{identity}@{region}"
