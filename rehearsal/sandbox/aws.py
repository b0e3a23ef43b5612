"""What an ``amazon-ecr`` stack needs of AWS, and what its account holds before the stack is brought up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.sandbox.description import Description
from rehearsal.sandbox.wanted_cloud import WantedCloud

_NODE_POLICY = "AmazonEC2ContainerRegistryReadOnly"
DEFAULT_ACCOUNT = "123456789012"
_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-eusc": "amazonaws.eu",
}


def wanted_aws(described: Description) -> WantedCloud | None:
    """The account and region of the stack; None where no region is to be found, which the program will report."""
    region = described.place["region"]
    if not isinstance(region, str):
        return None
    account = described.place["accountId"] or DEFAULT_ACCOUNT
    partition = described.place["partition"] or "aws"
    suffix = _SUFFIXES.get(partition, "amazonaws.com")
    roles = described.authentication.get("roles", {})
    issuer = described.place.get("issuer") or ""
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
        "node_role": node_role(described),
        **({"trust_policy_quota": roles["trustPolicyLimit"]} if roles else {}),
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
        prepare=_preparations(described, account, region, partition, issuer),
    )


def _preparations(
    described: Description, account: str, region: str, partition: str, issuer: str
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
        method = described.authentication
        if issuer and not method["oidcProvider"]["create"]:
            audiences = [method["audience"]]
            ensure(iam.create_open_id_connect_provider, Url=issuer, ClientIDList=audiences, ThumbprintList=["0" * 40])
        service_trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        given = [str(role).rpartition("/")[2] for role in described.registry["nodeRoles"]]
        for name in given or [node_role(described)]:
            ensure(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(service_trust))
        if not given:
            # Nothing else is set: nodes of a managed node group, whose role may pull.
            iam.attach_role_policy(
                RoleName=node_role(described), PolicyArn=f"arn:{partition}:iam::aws:policy/{_NODE_POLICY}"
            )
        if cluster := method.get("cluster"):
            role_arn = f"arn:{partition}:iam::{account}:role/eks-cluster"
            eks = client("eks", cluster["region"] or region)
            ensure(
                eks.create_cluster,
                name=cluster["name"],
                roleArn=role_arn,
                resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]},
            )

    return prepare


def node_role(described: Description) -> str:
    """The name of the role of the rehearsal's node: the first that the stack file names."""
    given = described.registry["nodeRoles"]
    return str(given[0]).rpartition("/")[2] if given else "rehearsal-node"


def _registry_hosts(account: str, region: str, partition: str, suffix: str) -> tuple[str, ...]:
    dual_stack = "on.amazonwebservices.com.cn" if partition == "aws-cn" else "on.aws"
    return (
        f"{account}.dkr.ecr.{region}.{suffix}",
        f"{account}.dkr.ecr-fips.{region}.{suffix}",
        f"{account}.dkr-ecr.{region}.{dual_stack}",
    )
