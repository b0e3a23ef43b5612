"""Who pushes where in a stack: from its description, and from what was made of it."""

from __future__ import annotations

import base64
import configparser
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.access_matrix.matrix import Prover
from rehearsal.access_matrix.nodes import Node
from rehearsal.access_matrix.registry import Service
from rehearsal.access_matrix.secrets import secrets
from rehearsal.access_matrix.tokens import Forger
from rehearsal.sandbox.description import Description
from rehearsal.sandbox.wanted import wanted_registry

if TYPE_CHECKING:
    from rehearsal.cluster import BuiltCluster
    from rehearsal.emulators.aws.cloud import AwsSettings

_OPTIONAL = {
    "pull": ("ecr:GetDownloadUrlForLayer",),
    "describe": ("ecr:DescribeRepositories",),
    "create": ("ecr:CreateRepository",),
    "list": ("ecr:ListImages",),
}
"""The actions behind ``registry.permissions``, which a push to a repository that exists does not need."""

_CLIENT_ID = "azure.workload.identity/client-id"


class UnprovableError(Exception):
    """There is no matrix for this stack; the text states why and for which there is."""


def prover(
    described: Description, cluster: BuiltCluster, environment: Mapping[str, str]
) -> tuple[Prover, Service | None]:
    """What tries everything for a stack that is up, and the emulators that decide, None where a registry decides itself.

    Raises UnprovableError.
    """
    match described.kind, described.method:
        case "amazon-ecr", "irsa" | "pod-identity" | "static":
            return _aws(described, cluster, environment)
        case "google-gcr", "workload-identity" | "direct":
            return _gcp(described, cluster, environment)
        case "microsoft-acr", "workload-identity" | "admin" | "token":
            return _azure(described, cluster, environment)
        case "openshift3" | "openshift4", _:
            return _openshift(described, cluster, environment)
        case "generic" | "docker-secret", _:
            return _generic(described, cluster, environment)
        case kind, method:
            raise UnprovableError(
                f"There is no matrix for {kind} {method} yet. Its push and its pull are proved by `rehearse up`; the whole matrix "
                "exists for amazon-ecr, microsoft-acr, google-gcr, openshift3, openshift4, generic and docker-secret."
            )


# What tries a cloud is imported where a stack is in it: each brings that cloud's emulator with it, and AWS's all of moto.


def _generic(described: Description, cluster: BuiltCluster, environment: Mapping[str, str]) -> tuple[Prover, None]:
    from rehearsal.access_matrix import generic

    wanted = wanted_registry(described, own_cluster=True)
    address = environment.get("REHEARSAL_REGISTRY_ADDRESS")
    if wanted is None or address is None:
        raise UnprovableError(
            f"The registry {described.push_host} is not the sandbox's own, so nothing is tried there. Names below "
            "example.com and of Services in the cluster are the sandbox's."
        )
    authority = environment["REHEARSAL_REGISTRY_CA_FILE"]
    target = generic.Target(
        [generic.Builder(each.name, each.repository) for each in described.namespaces],
        wanted.push_host,
        wanted.pull_host,
        login=bool(wanted.username),
        linked=described.place["linksPullSecret"],
    )
    service = Service(address.rpartition(":")[0], Path(authority) if authority else None)
    return generic.Prover(target, service, cluster), None


def _openshift(described: Description, cluster: BuiltCluster, environment: Mapping[str, str]) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import openshift
    from rehearsal.sandbox.openshift import registry_hosts, service_ca

    hosts = registry_hosts(described)
    # The registry's certificate is the service CA's; the record of decisions is served as the clouds' APIs are.
    authority = cluster.kubeconfig.with_name("openshift-service-ca.crt")
    authority.write_text(service_ca(environment))
    address = _address(environment["REHEARSAL_OPENSHIFT_ENDPOINT"])
    builders = [openshift.Builder(each.name, each.account, each.repository) for each in described.namespaces]
    made = openshift.OpenShiftProver(
        builders, Service(address, authority), (hosts[0], hosts[-1]), cluster, Forger(cluster.signing_key)
    )
    return made, Service(address, Path(environment["REHEARSAL_CLOUD_CA_FILE"]))


def _gcp(described: Description, cluster: BuiltCluster, environment: Mapping[str, str]) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import gcp
    from rehearsal.emulators.gcp.cloud import GcpSettings
    from rehearsal.sandbox.gcp import wanted_gcp

    settings = GcpSettings.of(wanted_gcp(described).settings)
    service = Service(_address(environment["REHEARSAL_GCP_ENDPOINT"]), Path(environment["REHEARSAL_CLOUD_CA_FILE"]))
    builders: list[gcp.Builder] = []
    for each in described.namespaces:
        name, account, repository = each.name, each.account, each.repository
        email = cluster.annotations(name, account).get("iam.gke.io/gcp-service-account", "")
        builders.append(gcp.Builder(name, account, repository, email))
    target = gcp.Target(described.method, builders, next(iter(settings.registry_hosts)), settings)
    node = Node(service, cluster.node_token)
    return gcp.Prover(target, service, cluster, Forger(cluster.signing_key), node), service


def _azure(described: Description, cluster: BuiltCluster, environment: Mapping[str, str]) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import azure
    from rehearsal.emulators.azure.cloud import AzureSettings
    from rehearsal.sandbox.azure import registry_id, wanted_azure

    method = described.method
    wanted = wanted_azure(described)
    settings = AzureSettings.of(wanted.settings)
    service = Service(_address(environment["REHEARSAL_AZURE_ENDPOINT"]), Path(environment["REHEARSAL_CLOUD_CA_FILE"]))
    identity = registry_id(described, environment["ARM_SUBSCRIPTION_ID"])
    admin = azure.admin_login(service, settings.management_host, identity) if method == "admin" else ("", "")
    tokens = {name: (name, environment[variable]) for variable, name in wanted.passwords.items()}
    builders: list[azure.Builder] = []
    for each in described.namespaces:
        name, account, repository = each.name, each.account, each.repository
        token = each.identity
        if method == "workload-identity":
            client = cluster.annotations(name, account).get(_CLIENT_ID, "")
            missing = "" if client else f"ServiceAccount {name}/{account} has no annotation {_CLIENT_ID}"
            builders.append(azure.Builder(name, account, repository, client, missing=missing))
            continue
        user, password = tokens.get(token, (token, "")) if method == "token" else admin
        missing = "" if password else _no_password(token, name)
        builders.append(azure.Builder(name, account, repository, user=user, password=password, missing=missing))
    target = azure.Target(
        method=method,
        builders=builders,
        host=settings.registry_hosts[0],
        other_host=settings.registry_hosts[1],
        authority_host=settings.authority_host,
        management_host=settings.management_host,
        tenant=settings.tenant,
        audience=described.authentication.get("audience") or settings.audience,
        registry_id=identity,
        abac=described.place["roleAssignmentMode"] == "abac",
        node_principal=settings.node_principal,
    )
    node = Node(service, cluster.node_token)
    return azure.Prover(target, service, cluster, Forger(cluster.signing_key), node), service


def _aws(described: Description, cluster: BuiltCluster, environment: Mapping[str, str]) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import aws
    from rehearsal.emulators.aws.cloud import AwsSettings
    from rehearsal.sandbox.aws import wanted_aws

    method = described.method
    wanted = wanted_aws(described)
    if wanted is None:
        raise UnprovableError("The stack file names no region, so there is no registry.")
    settings = AwsSettings.of(wanted.settings)
    endpoint, authority = environment["REHEARSAL_AWS_ENDPOINT"], environment["REHEARSAL_CLOUD_CA_FILE"]
    roles = _associated_roles(described, settings, endpoint, authority) if method == "pod-identity" else {}
    builders: list[aws.Builder] = []
    for each in described.namespaces:
        name, account, repository = each.name, each.account, each.repository
        role = roles.get((name, account)) or cluster.annotations(name, account).get("eks.amazonaws.com/role-arn", "")
        key = _access_key(cluster, name) if method == "static" else ("", "")
        builders.append(aws.Builder(name, account, repository, role, key))
    target = aws.Target(
        method=method,
        builders=builders,
        host=settings.registry_hosts[0],
        region=settings.region,
        audience=described.authentication.get("audience") or "sts.amazonaws.com",
        other_region=settings.other_region_host,
        other_account=settings.other_account_host,
        optional=_optional(described),
    )
    service = Service(_address(endpoint), Path(authority))
    node = Node(service, cluster.node_token)
    return aws.Prover(target, service, endpoint, cluster, Forger(cluster.signing_key), node), service


def _no_password(token: str, namespace: str) -> str:
    return (
        f"this machine has no password of the token {token}: name an environment variable in the stack file's "
        f"registry.authentication.passwords.{namespace} (one that is encrypted there is not known to the emulator)"
    )


def _address(endpoint: str) -> str:
    return endpoint.removeprefix("https://").partition(":")[0]


def _optional(described: Description) -> frozenset[str]:
    wanted: list[str] = list(described.registry["permissions"])
    if described.registry["repositories"]["createOnPush"]:
        wanted.append("create")
    return frozenset(action for name in wanted for action in _OPTIONAL[name])


def _access_key(cluster: BuiltCluster, namespace: str) -> tuple[str, str]:
    """Id and secret of the access key that the builder has in a Secret, in the form of AWS's shared credentials file."""
    for encoded in (value for secret in secrets(cluster, namespace) for value in secret["data"].values()):
        parser = configparser.ConfigParser(interpolation=None)
        with contextlib.suppress(configparser.Error, UnicodeDecodeError, KeyError):
            parser.read_string(base64.b64decode(encoded).decode())
            return parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"]
    raise UnprovableError(f"No Secret of namespace {namespace} has an access key, so there is nothing to push with.")


def _associated_roles(
    described: Description, settings: AwsSettings, endpoint: str, authority: str
) -> dict[tuple[str, str], str]:
    from rehearsal.emulators.aws.client import operator_client

    cluster = described.authentication["cluster"]
    eks = operator_client("eks", cluster["region"] or settings.region, endpoint, authority)
    found: dict[tuple[str, str], str] = {}
    for item in eks.list_pod_identity_associations(clusterName=cluster["name"])["associations"]:
        association = eks.describe_pod_identity_association(
            clusterName=cluster["name"], associationId=item["associationId"]
        )["association"]
        found[association["namespace"], association["serviceAccount"]] = association["roleArn"]
    return found
