"""What an ``amazon-ecr`` stack needs of AWS, and what its account holds before the stack is brought up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from rehearsal.sandbox.wanted_cloud import WantedCloud

_NODE_POLICY = "AmazonEC2ContainerRegistryReadOnly"
DEFAULT_ACCOUNT = "123456789012"
_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-eusc": "amazonaws.eu",
}


def wanted_aws(registry: Mapping[str, Any], config: Mapping[str, Any]) -> WantedCloud | None:
    """The account and region of the stack; None where no region is to be found, which the program will report."""
    region = registry.get("region") or config.get("aws:region")
    if not isinstance(region, str):
        return None
    account = str(registry.get("accountId") or DEFAULT_ACCOUNT)
    partition = str(registry.get("partition") or _partition(region))
    suffix = _SUFFIXES.get(partition, "amazonaws.com")
    authentication = _mapping(registry.get("authentication"))
    issuer = _issuer(_mapping(authentication.get("oidcProvider")))
    hosts = _registry_hosts(account, region, partition, suffix)
    names = [
        f"{service}.{region}.{suffix}" for service in ("sts", "api.ecr", "ecr", "eks", "sts-fips", "ecr-fips", "iam")
    ]
    names += [f"{service}.{region}.api.aws" for service in ("ecr", "eks", "sts")]
    names += [f"sts.{suffix}", f"iam.{suffix}"]
    settings = {
        "account": account,
        "region": region,
        "partition": partition,
        "suffix": suffix,
        "registry_hosts": list(hosts),
        "issuer": issuer,
        "node_role": node_role(registry),
        "trust_policy_quota": _mapping(authentication.get("roles")).get("trustPolicyLimit", 2048),
    }
    return WantedCloud(
        name="aws",
        package="aws",
        settings=settings,
        names=(*names, *hosts),
        registry_hosts=hosts,
        environment={
            "REHEARSAL_AWS_ENDPOINT": "https://{address}:9001",
            "REHEARSAL_CLOUD_CA_FILE": "{authority}",
            "AWS_REGION": region,
        },
        prepare=_preparations(registry, authentication, account, region, partition, issuer),
    )


def _preparations(
    registry: Mapping[str, Any],
    authentication: Mapping[str, Any],
    account: str,
    region: str,
    partition: str,
    issuer: str,
) -> Callable[[Mapping[str, str]], None]:
    """Make what the stack names as existing and the emulator account does not have: identity provider, EKS cluster, node roles."""

    def prepare(environment: Mapping[str, str]) -> None:
        from rehearsal.emulators.aws.client import ClientError, error_of, operator_client

        def client(service: str, where: str = region) -> Any:
            return operator_client(
                service, where, environment["REHEARSAL_AWS_ENDPOINT"], environment["REHEARSAL_CLOUD_CA_FILE"]
            )

        def ensure(call: Callable[..., Any], **arguments: Any) -> None:
            try:
                call(**arguments)
            except ClientError as error:
                if error_of(error)[0] not in ("EntityAlreadyExists", "ResourceInUseException"):
                    raise

        iam = client("iam")
        provider = _mapping(authentication.get("oidcProvider"))
        if issuer and not provider.get("create"):
            audience = authentication.get("audience", "sts.amazonaws.com")
            ensure(iam.create_open_id_connect_provider, Url=issuer, ClientIDList=[audience], ThumbprintList=["0" * 40])
        service_trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        given = [str(role).rpartition("/")[2] for role in cast("list[Any]", registry.get("nodeRoles") or [])]
        for name in given or [node_role(registry)]:
            ensure(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(service_trust))
        if not given:
            # Nothing else is set: nodes of a managed node group, whose role may pull.
            iam.attach_role_policy(
                RoleName=node_role(registry), PolicyArn=f"arn:{partition}:iam::aws:policy/{_NODE_POLICY}"
            )
        cluster = _mapping(authentication.get("cluster"))
        if cluster.get("name"):
            role_arn = f"arn:{partition}:iam::{account}:role/eks-cluster"
            eks = client("eks", str(cluster.get("region") or region))
            ensure(
                eks.create_cluster,
                name=cluster["name"],
                roleArn=role_arn,
                resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
            )

    return prepare


def node_role(registry: Mapping[str, Any]) -> str:
    """The name of the role of the rehearsal's node: the first that the stack file names."""
    given = cast("list[Any]", registry.get("nodeRoles") or [])
    return str(given[0]).rpartition("/")[2] if given else "rehearsal-node"


def _issuer(provider: Mapping[str, Any]) -> str:
    if isinstance(provider.get("issuer"), str):
        return str(provider["issuer"])
    existing = provider.get("existing")
    return f"https://{existing.partition(':oidc-provider/')[2]}" if isinstance(existing, str) else ""


def _registry_hosts(account: str, region: str, partition: str, suffix: str) -> tuple[str, ...]:
    dual_stack = "on.amazonwebservices.com.cn" if partition == "aws-cn" else "on.aws"
    return (
        f"{account}.dkr.ecr.{region}.{suffix}",
        f"{account}.dkr.ecr-fips.{region}.{suffix}",
        f"{account}.dkr-ecr.{region}.{dual_stack}",
    )


def _partition(region: str) -> str:
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if region.startswith(prefix):
            return partition
    return "aws"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
