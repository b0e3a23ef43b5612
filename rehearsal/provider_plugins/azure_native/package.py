"""The ``azure-native`` provider as data."""

from __future__ import annotations

from typing import Final

from rehearsal.emulators.azure.names import GUID
from rehearsal.provider_plugins.azure_native import authorization, containerregistry, managedidentity, resources
from rehearsal.provider_plugins.azure_native.cloud import Azure, connect
from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.resource import Input

# The provider's other settings choose credentials and endpoints of the real Azure: a rehearsal has its own.
_IGNORED = (
    "auxiliaryTenantIds",
    "clientCertificatePassword",
    "clientCertificatePath",
    "clientId",
    "clientSecret",
    "disableInstanceDiscovery",
    "disablePulumiPartnerId",
    "environment",
    "location",
    "metadataHost",
    "msiEndpoint",
    "oidcAudience",
    "oidcRequestToken",
    "oidcRequestUrl",
    "oidcToken",
    "oidcTokenFilePath",
    "partnerId",
    "tenantId",
    "useDefaultAzureCredential",
    "useMsi",
    "useOidc",
)

PACKAGE: Final[Package[Azure]] = Package(
    name="azure-native",
    resources=(
        containerregistry.Registry,
        containerregistry.ScopeMap,
        containerregistry.Token,
        managedidentity.UserAssignedIdentity,
        managedidentity.FederatedIdentityCredential,
        authorization.RoleAssignment,
        resources.Deployment,
    ),
    functions={
        "azure-native:containerregistry:getRegistry": containerregistry.get_registry,
        "azure-native:containerregistry:listRegistryCredentials": containerregistry.list_registry_credentials,
        "azure-native:managedidentity:getUserAssignedIdentity": managedidentity.get_user_assigned_identity,
    },
    configuration={"subscriptionId": Input(GUID, replaces=True), **{key: Input() for key in _IGNORED}},
    connect=connect,
)
