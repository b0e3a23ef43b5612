"""Azure Container Registry: the registry, and who may push to it by workload identity, the admin user or a token.

Resource types that this kind registers, with the inputs it may set (``azure-native`` 3.29, default API versions):

* ``azure-native:containerregistry:Registry``: resourceGroupName, registryName, location, sku.name, adminUserEnabled,
  anonymousPullEnabled, dataEndpointEnabled, publicNetworkAccess, networkRuleBypassOptions, networkRuleSet (defaultAction,
  ipRules[iPAddressOrRange, action]), policies (retentionPolicy, exportPolicy), encryption (status, keyVaultProperties),
  identity (type, userAssignedIdentities), zoneRedundancy, tags; outputs used: id, name, loginServer,
  dataEndpointHostNames. May be imported by its resource id.
* ``azure-native:resources:Deployment``: resourceGroupName, deploymentName, properties (mode ``Incremental``, template:
  exactly one resource of type ``Microsoft.ContainerRegistry/registries``, apiVersion ``2025-11-01``, the registry above once
  more with ``properties.roleAssignmentMode``; its location may be ``[resourceGroup().location]``). It exists because the typed
  Registry speaks an API version without that property; there is none for an imported registry. Deleting it deletes no registry.
* ``azure-native:containerregistry:ScopeMap``: resourceGroupName, registryName, scopeMapName, description, actions
* ``azure-native:containerregistry:Token``: resourceGroupName, registryName, tokenName, scopeMapId, status; outputs used: id, name
* ``azure-native:managedidentity:UserAssignedIdentity``: resourceGroupName, resourceName, location, tags; outputs used: id,
  name, clientId, principalId, tenantId. May be imported.
* ``azure-native:managedidentity:FederatedIdentityCredential``: resourceGroupName, resourceName (the identity's name),
  federatedIdentityCredentialResourceName, issuer, subject, audiences (exactly one)
* ``azure-native:authorization:RoleAssignment``: scope, roleAssignmentName (a GUID), roleDefinitionId, principalId,
  principalType, description, condition, conditionVersion

Invokes:

* ``azure-native:containerregistry:getRegistry`` (resourceGroupName, registryName): loginServer; only for an ``existing``
  registry whose ``loginServer`` is not given
* ``azure-native:containerregistry:listRegistryCredentials`` (resourceGroupName, registryName): username, passwords[name,
  value]; only with the admin user
* ``azure-native:managedidentity:getUserAssignedIdentity`` (resourceGroupName, resourceName): clientId, principalId, tenantId;
  only for an ``existing`` identity
"""
