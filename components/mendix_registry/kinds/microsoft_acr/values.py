"""Names of Azure as the stack file gives them: resource ids, names, issuers, ranges, keys.

Sources: the models of ``azure-mgmt-containerregistry`` 15.0 and ``azure-mgmt-msi`` 7.1 (names, ranges), Microsoft's pages on
workload identity federation.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.values import Text, known

REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"

_REGISTRY_NAME = re.compile(r"[a-zA-Z0-9]{5,50}")
_RESOURCE_GROUP = re.compile(r"[-\w._()]{0,89}[-\w_()]")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PREFIX = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,39}")
_ISSUER = re.compile(r"https://[a-zA-Z0-9.-]+(?::\d+)?(?:/[-\w.~%/]*)?")
_AKS_ISSUER = re.compile(r"https://[a-z0-9-]+\.oic\.prod-aks\.azure\.[a-z]+/.*")
_KEY = re.compile(r"https://[a-zA-Z0-9.-]+/keys/[a-zA-Z0-9-]+(?:/[0-9a-f]+)?")


ACR001 = Rule("ACR001", "{value!r} is not the id of an Azure resource", "", "write the whole id: {shape}")
ACR002 = Rule("ACR002", "{value!r} is the id of a {type}", "", "give the id of a {expected}: {shape}")


def _id_of(resource_type: str) -> Callable[[str], str]:
    @raises(ACR001, ACR002)
    def check(value: str) -> str:
        shape = f"/subscriptions/<id>/resourceGroups/<group>/providers/{resource_type}/<name>"
        try:
            found = parse_resource_id(value)
        except ValueError:
            raise ACR001.error(value=value, shape=shape) from None
        if found.type.lower() != resource_type.lower():
            raise ACR002.error(value=value, type=found.type, expected=resource_type, shape=shape)
        return value

    return check


ACR003 = Rule(
    "ACR003",
    "{value!r} is not the name of a container registry",
    "Azure accepts 5 to 50 letters and digits, nothing else; the name is taken worldwide",
    "correct the name ('az acr check-name --name …' shows whether it is free)",
)


@raises(ACR003)
def _name(value: str) -> str:
    if not _REGISTRY_NAME.fullmatch(value):
        raise ACR003.error(value=value)
    return value


ACR004 = Rule(
    "ACR004",
    "{value!r} is not the name of a resource group",
    "Azure accepts 1 to 90 letters, digits and -_.() and no dot at the end",
    "give the name only, not an id",
)


@raises(ACR004)
def _group(value: str) -> str:
    if not _RESOURCE_GROUP.fullmatch(value):
        raise ACR004.error(value=value)
    return value


ACR005 = Rule(
    "ACR005",
    "{value!r} is not an object id",
    "a role is assigned to an object id, which is a GUID, not to a name or a client id",
    "give what 'az aks show --query identityProfile.kubeletidentity.objectId' prints",
)


@raises(ACR005)
def _guid(value: str) -> str:
    if not _GUID.fullmatch(value):
        raise ACR005.error(value=value)
    return value.lower()


ACR006 = Rule(
    "ACR006",
    "{value!r} cannot begin the names of identities and tokens",
    "Azure accepts letters, digits and dashes; the namespace's name follows",
    "write up to 40 letters, digits and dashes, beginning with a letter or digit",
)


@raises(ACR006)
def _prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ACR006.error(value=value)
    return value


ACR007 = Rule(
    "ACR007",
    "the issuer {value!r} has a wildcard",
    "trust is for exactly one cluster",
    "give the cluster's own issuer",
)
ACR008 = Rule(
    "ACR008",
    "{value!r} is not the URL of an OIDC issuer",
    "Azure compares it with the token's 'iss' as text and fetches the cluster's keys from it by https",
    "give what 'az aks show --query oidcIssuerProfile.issuerUrl' prints",
)
ACR009 = Rule("ACR009", "the issuer has {length} characters", "Azure accepts at most 600", "check the URL")
ACR010 = Rule(
    "ACR010",
    "the issuer {value!r} lacks the slash at its end",
    "AKS puts it into its tokens, and Azure compares the two as text (AADSTS700211)",
    "write {corrected!r}",
)


@raises(ACR007, ACR008, ACR009, ACR010)
def _issuer(value: str) -> str:
    if "*" in value:
        raise ACR007.error(value=value)
    if not _ISSUER.fullmatch(value):
        raise ACR008.error(value=value)
    if len(value) > 600:
        raise ACR009.error(length=len(value))
    if _AKS_ISSUER.fullmatch(value) and not value.endswith("/"):
        raise ACR010.error(value=value, corrected=value + "/")
    return value


ACR011 = Rule(
    "ACR011",
    "{value!r} is not an IPv4 address or range ({error})",
    "the registry's firewall accepts nothing else",
    "write an address or a range with its lowest address, such as 203.0.113.0/24",
)


@raises(ACR011)
def _range(value: str) -> str:
    try:
        ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ACR011.error(value=value, error=error) from None
    return value


ACR012 = Rule(
    "ACR012",
    "{value!r} is not the URL of a Key Vault key",
    "",
    "write https://<vault>.vault.azure.net/keys/<name>, without a version to follow rotations",
)


@raises(ACR012)
def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ACR012.error(value=value)
    return value


RegistryId: TypeAlias = Annotated[str, AfterValidator(_id_of(REGISTRY_TYPE))]
IdentityId: TypeAlias = Annotated[str, AfterValidator(_id_of(IDENTITY_TYPE))]
RegistryName: TypeAlias = Annotated[str, AfterValidator(_name)]
ResourceGroup: TypeAlias = Annotated[str, AfterValidator(_group)]
ObjectId: TypeAlias = Annotated[Text, known(_guid)]
ClientId: TypeAlias = Annotated[Text, known(_guid)]
NamePrefix: TypeAlias = Annotated[str, AfterValidator(_prefix)]
IssuerUrl: TypeAlias = Annotated[Text, known(_issuer)]
IpRange: TypeAlias = Annotated[str, AfterValidator(_range)]
KeyUrl: TypeAlias = Annotated[str, AfterValidator(_key)]
