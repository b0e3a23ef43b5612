"""Who pushes where in a stack: from its stack file, and from what was made of it."""

from __future__ import annotations

import base64
import configparser
import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rehearsal.access_matrix.matrix import Prover
from rehearsal.access_matrix.nodes import Node
from rehearsal.access_matrix.registry import Service
from rehearsal.access_matrix.secrets import secrets
from rehearsal.access_matrix.tokens import Forger
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
_DEFAULT_SERVICE_ACCOUNT = "mendix-builder"


class UnprovableError(Exception):
    """There is no matrix for this stack; the text states why and for which there is."""


def prover(
    config: Mapping[str, Any],
    cluster: BuiltCluster,
    environment: Mapping[str, str],
    names: Callable[[], Mapping[str, str]] = dict,
) -> tuple[Prover, Service | None]:
    """What tries everything for a stack that is up, and the emulators that decide, None where a registry decides itself. ``names``
    gives the name of the identity that pushes for each namespace.

    Raises UnprovableError.
    """
    registry = _mapping(config.get("registry"))
    method = str(_mapping(registry.get("authentication")).get("method", ""))
    match registry.get("type"), method:
        case "amazon-ecr", "irsa" | "pod-identity" | "static":
            return _aws(config, registry, method, cluster, environment)
        case "google-gcr", "workload-identity" | "direct":
            return _gcp(config, registry, method, cluster, environment)
        case "microsoft-acr", "workload-identity" | "admin" | "token":
            return _azure(config, registry, method, cluster, environment, names)
        case "openshift3" | "openshift4", _:
            return _openshift(config, registry, cluster, environment)
        case "generic" | "docker-secret", _:
            return _generic(config, registry, cluster, environment)
        case kind, _:
            raise UnprovableError(
                f"There is no matrix for {kind} {method} yet. Its push and its pull are proved by `rehearse up`; the whole matrix "
                "exists for amazon-ecr, microsoft-acr, google-gcr, openshift3, openshift4, generic and docker-secret."
            )


# What tries a cloud is imported where a stack is in it: each brings that cloud's emulator with it, and AWS's all of moto.


def _generic(
    config: Mapping[str, Any],
    registry: Mapping[str, Any],
    cluster: BuiltCluster,
    environment: Mapping[str, str],
) -> tuple[Prover, None]:
    from rehearsal.access_matrix import generic

    wanted = wanted_registry(config, own_cluster=True)
    address = environment.get("REHEARSAL_REGISTRY_ADDRESS")
    if wanted is None or address is None:
        raise UnprovableError(
            f"The registry {registry.get('pushHost')} is not the sandbox's own, so nothing is tried there. Names below "
            "example.com and of Services in the cluster are the sandbox's."
        )
    authority = environment["REHEARSAL_REGISTRY_CA_FILE"]
    target = generic.Target(
        [generic.Builder(name, repository) for name, _, repository in _pushers(config, registry)],
        wanted.push_host,
        wanted.pull_host,
        login=bool(wanted.username),
        linked=registry.get("linkToDefaultServiceAccount") is True,
    )
    service = Service(address.rpartition(":")[0], Path(authority) if authority else None)
    return generic.Prover(target, service, cluster), None


def _openshift(
    config: Mapping[str, Any], registry: Mapping[str, Any], cluster: BuiltCluster, environment: Mapping[str, str]
) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import openshift
    from rehearsal.sandbox.openshift import registry_hosts, service_ca

    hosts = registry_hosts(registry)
    # The registry's certificate is the service CA's; the record of decisions is served as the clouds' APIs are.
    authority = cluster.kubeconfig.with_name("openshift-service-ca.crt")
    authority.write_text(service_ca(environment))
    address = _address(environment["REHEARSAL_OPENSHIFT_ENDPOINT"])
    builders: list[openshift.Builder] = []
    for item in cast("list[Any]", config.get("namespaces") or []):
        namespace = _mapping(item)
        name = str(namespace.get("name"))
        pattern = str(namespace.get("repository") or registry.get("repository") or "{namespace}/mendix-apps")
        builders.append(openshift.Builder(name, "builder", pattern.replace("{namespace}", name)))
    made = openshift.OpenShiftProver(
        builders, Service(address, authority), (hosts[0], hosts[-1]), cluster, Forger(cluster.signing_key)
    )
    return made, Service(address, Path(environment["REHEARSAL_CLOUD_CA_FILE"]))


def _gcp(
    config: Mapping[str, Any],
    registry: Mapping[str, Any],
    method: str,
    cluster: BuiltCluster,
    environment: Mapping[str, str],
) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import gcp
    from rehearsal.emulators.gcp.cloud import GcpSettings
    from rehearsal.sandbox.gcp import wanted_gcp

    wanted = wanted_gcp(registry, config)
    if wanted is None:
        raise UnprovableError("The stack file names no push host, so there is nothing to push to.")
    settings = GcpSettings.of(wanted.settings)
    service = Service(_address(environment["REHEARSAL_GCP_ENDPOINT"]), Path(environment["REHEARSAL_CLOUD_CA_FILE"]))
    builders: list[gcp.Builder] = []
    for name, account, repository in _pushers(config, registry):
        email = cluster.annotations(name, account).get("iam.gke.io/gcp-service-account", "")
        builders.append(gcp.Builder(name, account, repository, email))
    target = gcp.Target(method, builders, next(iter(settings.registry_hosts)), settings)
    node = Node(service, cluster.node_token)
    return gcp.Prover(target, service, cluster, Forger(cluster.signing_key), node), service


def _azure(
    config: Mapping[str, Any],
    registry: Mapping[str, Any],
    method: str,
    cluster: BuiltCluster,
    environment: Mapping[str, str],
    names: Callable[[], Mapping[str, str]],
) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import azure
    from rehearsal.emulators.azure.cloud import AzureSettings
    from rehearsal.sandbox.azure import registry_id, wanted_azure

    identities: Mapping[str, str] = names() if method == "token" else {}
    wanted = wanted_azure(registry, config, lambda: identities)
    if wanted is None:
        raise UnprovableError("The stack file names no registry, so there is nothing to push to.")
    settings = AzureSettings.of(wanted.settings)
    service = Service(_address(environment["REHEARSAL_AZURE_ENDPOINT"]), Path(environment["REHEARSAL_CLOUD_CA_FILE"]))
    authentication = _mapping(registry.get("authentication"))
    identity = registry_id(registry, environment["ARM_SUBSCRIPTION_ID"])
    admin = azure.admin_login(service, settings.management_host, identity) if method == "admin" else ("", "")
    tokens = {name: (name, environment[variable]) for variable, name in wanted.passwords.items()}
    builders: list[azure.Builder] = []
    for name, account, repository in _pushers(config, registry):
        token = identities.get(name, "")
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
        audience=str(authentication.get("audience") or settings.audience),
        registry_id=identity,
        abac=registry.get("roleAssignmentMode") != "classic",
        node_principal=settings.node_principal,
    )
    node = Node(service, cluster.node_token)
    return azure.Prover(target, service, cluster, Forger(cluster.signing_key), node), service


def _aws(
    config: Mapping[str, Any],
    registry: Mapping[str, Any],
    method: str,
    cluster: BuiltCluster,
    environment: Mapping[str, str],
) -> tuple[Prover, Service]:
    from rehearsal.access_matrix import aws
    from rehearsal.emulators.aws.cloud import AwsSettings
    from rehearsal.sandbox.aws import wanted_aws

    wanted = wanted_aws(registry, config)
    if wanted is None:
        raise UnprovableError("The stack file names no region, so there is no registry.")
    settings = AwsSettings.of(wanted.settings)
    endpoint, authority = environment["REHEARSAL_AWS_ENDPOINT"], environment["REHEARSAL_CLOUD_CA_FILE"]
    roles = _associated_roles(registry, settings, endpoint, authority) if method == "pod-identity" else {}
    builders: list[aws.Builder] = []
    for name, account, repository in _pushers(config, registry):
        role = roles.get((name, account)) or cluster.annotations(name, account).get("eks.amazonaws.com/role-arn", "")
        key = _access_key(cluster, name) if method == "static" else ("", "")
        builders.append(aws.Builder(name, account, repository, role, key))
    target = aws.Target(
        method=method,
        builders=builders,
        host=settings.registry_hosts[0],
        region=settings.region,
        audience=str(_mapping(registry.get("authentication")).get("audience") or "sts.amazonaws.com"),
        other_region=settings.other_region_host,
        other_account=settings.other_account_host,
        optional=_optional(registry),
    )
    service = Service(_address(endpoint), Path(authority))
    node = Node(service, cluster.node_token)
    return aws.Prover(target, service, endpoint, cluster, Forger(cluster.signing_key), node), service


def _pushers(config: Mapping[str, Any], registry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Namespace, ServiceAccount and repository of each builder."""
    for item in cast("list[Any]", config.get("namespaces") or []):
        namespace = _mapping(item)
        name = str(namespace.get("name"))
        account = str(_mapping(namespace.get("serviceAccount")).get("name") or _DEFAULT_SERVICE_ACCOUNT)
        repository = str(namespace.get("repository") or registry.get("repository")).replace("{namespace}", name)
        yield name, account, repository


def _no_password(token: str, namespace: str) -> str:
    return (
        f"this machine has no password of the token {token}: name an environment variable in the stack file's "
        f"registry.authentication.passwords.{namespace} (one that is encrypted there is not known to the emulator)"
    )


def _address(endpoint: str) -> str:
    return endpoint.removeprefix("https://").partition(":")[0]


def _optional(registry: Mapping[str, Any]) -> frozenset[str]:
    wanted: list[Any] = list(cast("list[Any]", registry.get("permissions") or []))
    if _mapping(registry.get("repositories")).get("createOnPush") is True:
        wanted.append("create")
    return frozenset(action for name in wanted for action in _OPTIONAL.get(str(name), ()))


def _access_key(cluster: BuiltCluster, namespace: str) -> tuple[str, str]:
    """Id and secret of the access key that the builder has in a Secret, in the form of AWS's shared credentials file."""
    for encoded in (value for secret in secrets(cluster, namespace) for value in secret["data"].values()):
        parser = configparser.ConfigParser(interpolation=None)
        with contextlib.suppress(configparser.Error, UnicodeDecodeError, KeyError):
            parser.read_string(base64.b64decode(encoded).decode())
            return parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"]
    raise UnprovableError(f"No Secret of namespace {namespace} has an access key, so there is nothing to push with.")


def _associated_roles(
    registry: Mapping[str, Any], settings: AwsSettings, endpoint: str, authority: str
) -> dict[tuple[str, str], str]:
    from rehearsal.emulators.aws.client import operator_client

    cluster = _mapping(_mapping(registry.get("authentication")).get("cluster"))
    eks = operator_client("eks", str(cluster.get("region") or settings.region), endpoint, authority)
    found: dict[tuple[str, str], str] = {}
    for item in eks.list_pod_identity_associations(clusterName=cluster["name"])["associations"]:
        described = eks.describe_pod_identity_association(
            clusterName=cluster["name"], associationId=item["associationId"]
        )["association"]
        found[described["namespace"], described["serviceAccount"]] = described["roleArn"]
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
