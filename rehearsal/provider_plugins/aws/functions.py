"""The invokes of the AWS provider that programs of this project make."""

from __future__ import annotations

from rehearsal.emulators.aws.client import dns_suffix, region_names
from rehearsal.provider_plugins.aws.cloud import Aws, tag_map
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError


def get_region(cloud: Aws, arguments: Properties) -> Properties:
    """Computed without the cloud, from botocore's own list of regions."""
    region: str = arguments.get("name") or arguments.get("region") or cloud.region
    described = region_names()
    endpoint = arguments.get("endpoint") or f"ec2.{region}.{dns_suffix(cloud.partition)}"
    return {
        "id": region,
        "name": region,
        "region": region,
        "description": described.get(region, region),
        "endpoint": endpoint,
    }


def get_partition(cloud: Aws, arguments: Properties) -> Properties:
    """Computed without the cloud."""
    del arguments
    suffix = dns_suffix(cloud.partition)
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": cloud.partition, "partition": cloud.partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def get_caller_identity(cloud: Aws, arguments: Properties) -> Properties:
    """Who deploys, as STS reports."""
    del arguments
    caller = cloud.call("sts", "GetCallerIdentity")
    return {"id": caller["Account"], "accountId": caller["Account"], "arn": caller["Arn"], "userId": caller["UserId"]}


def get_open_id_connect_provider(cloud: Aws, arguments: Properties) -> Properties:
    """By ``arn`` or by ``url``. Raises CloudError where there is none."""
    arn, url = arguments.get("arn"), str(arguments.get("url") or "").removeprefix("https://")
    if not arn:
        listed = cloud.call("iam", "ListOpenIDConnectProviders")["OpenIDConnectProviderList"]
        arn = next((item["Arn"] for item in listed if item["Arn"].partition(":oidc-provider/")[2] == url), None)
        if arn is None:
            raise CloudError(
                f"finding IAM OIDC Provider by url ({url}): not found. The cluster's issuer has to be an IAM identity provider "
                "of this account before roles can trust it."
            )
    found = cloud.call("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    return {
        "id": arn,
        "arn": arn,
        "url": found["Url"].removeprefix("https://"),
        "clientIdLists": found.get("ClientIDList", []),
        "thumbprintLists": found.get("ThumbprintList", []),
        "tags": tag_map(found.get("Tags")),
    }


def get_cluster(cloud: Aws, arguments: Properties) -> Properties:
    """An EKS cluster: what identities need of it."""
    found = cloud.call("eks", "DescribeCluster", arguments.get("region"), name=arguments["name"])["cluster"]
    issuer = found.get("identity", {}).get("oidc", {}).get("issuer", "")
    return {
        "id": found["name"],
        "name": found["name"],
        "arn": found["arn"],
        "endpoint": found.get("endpoint", ""),
        "roleArn": found.get("roleArn", ""),
        "status": found.get("status", ""),
        "version": found.get("version", ""),
        "region": arguments.get("region") or cloud.region,
        "certificateAuthorities": [{"data": found.get("certificateAuthority", {}).get("data", "")}],
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "tags": found.get("tags") or {},
        "enabledClusterLogTypes": [],
        "accessConfigs": [],
        "kubernetesNetworkConfigs": [],
        "vpcConfig": {},
    }


def get_repository(cloud: Aws, arguments: Properties) -> Properties:
    """An ECR repository by name. Raises CloudError where there is none."""
    region, name = arguments.get("region"), arguments["name"]
    live = cloud.call("ecr", "DescribeRepositories", region, repositoryNames=[name])["repositories"][0]
    listed = cloud.call("ecr", "ListTagsForResource", region, resourceArn=live["repositoryArn"])
    return {
        "id": name,
        "name": name,
        "arn": live["repositoryArn"],
        "registryId": live["registryId"],
        "repositoryUrl": live["repositoryUri"],
        "region": region or cloud.region,
        "imageTagMutability": live.get("imageTagMutability", "MUTABLE"),
        "imageTagMutabilityExclusionFilters": live.get("imageTagMutabilityExclusionFilters", []),
        "imageScanningConfigurations": [live.get("imageScanningConfiguration", {"scanOnPush": False})],
        "encryptionConfigurations": [{"kmsKey": "", **live.get("encryptionConfiguration", {})}],
        "mostRecentImageTags": [],
        "tags": tag_map(listed.get("tags")),
    }
