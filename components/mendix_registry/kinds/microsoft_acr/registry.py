# No "from __future__ import annotations": Pulumi's analyzer of multi-language components reads the annotations as objects.
"""A container registry in Azure."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_azure_native.containerregistry import Registry
from pulumi_azure_native.resources import Deployment, DeploymentMode, DeploymentPropertiesArgs

from mendix_registry.component_inputs import component_inputs

API_VERSION = "2025-11-01"
"""The first stable version of Azure's API that knows ``roleAssignmentMode``."""


class CustomerKeyArgs(TypedDict):
    """A customer-managed key."""

    key_identifier: str
    """The key's URL in Key Vault."""

    identity_id: str
    """Resource id of a managed identity that may wrap and unwrap with it."""

    client_id: str
    """That identity's client id."""


class AcrRegistryArgs(TypedDict):
    """A registry and its hygiene. Every default is the secure one that the tier has."""

    resource_group: pulumi.Input[str]
    """Name of the existing resource group."""

    registry_name: pulumi.Input[str]
    """5 to 50 letters and digits, unique in the world."""

    location: NotRequired[pulumi.Input[str]]
    """Region. Default: the resource group's."""

    sku: NotRequired[str]
    """``Basic``, ``Standard`` (default) or ``Premium``."""

    abac: NotRequired[bool]
    """Whether roles hold for single repositories. Default: true. One that is taken over keeps its own mode."""

    admin_user: NotRequired[bool]
    """Whether there is an admin user. Default: false."""

    public_network_access: NotRequired[bool]
    """Whether it can be reached without a private endpoint. Default: true."""

    allowed_ip_ranges: NotRequired[Sequence[str]]
    """IPv4 ranges that may reach it; all others may not (Premium)."""

    trusted_services: NotRequired[bool]
    """Whether Azure's own services pass the firewall (Premium). Default: false."""

    data_endpoints: NotRequired[bool]
    """Whether layers come from the registry's own hosts (Premium). Default: false."""

    zone_redundancy: NotRequired[bool]
    """Whether it survives the loss of a zone (Premium). Default: false."""

    retention_days: NotRequired[int]
    """Days after which manifests without a tag are deleted (Premium). Default: never."""

    allow_export: NotRequired[bool]
    """Whether artifacts may leave by export. Default: true."""

    customer_key: NotRequired[CustomerKeyArgs]
    """Your own key that encrypts it (Premium)."""

    tags: NotRequired[Mapping[str, str]]
    """Tags."""

    protect: NotRequired[bool]
    """Whether Pulumi refuses to delete it. Default: true."""

    import_id: NotRequired[str]
    """Resource id of a registry to take over instead of creating one; it is then always protected."""


class AcrRegistry(pulumi.ComponentResource):
    """Creates a registry, or takes one over.

    The typed resource of azure-native speaks an API version without ``roleAssignmentMode``. An incremental deployment therefore
    puts the same registry once more, with the mode. Whatever changes in the first changes in the second, so the mode
    cannot get lost; and ``classic`` is written too, since Microsoft has announced that ABAC becomes the default.

    A registry that is taken over keeps the mode that it has, and nothing is put once more: the comparison of an import does not
    see the mode, and another one would take push and pull from everybody else who uses the registry.
    """

    registry_id: pulumi.Output[str]
    """Resource id."""

    registry_name: pulumi.Output[str]
    """Name."""

    login_server: pulumi.Output[str]
    """Host to push to and pull from, as Azure gives it: not always ``<name>.azurecr.io``."""

    data_endpoint_hosts: pulumi.Output[Sequence[str]]
    """Hosts that layers come from, where the registry has its own; for egress rules and private DNS."""

    def __init__(self, name: str, args: AcrRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mendix-registry:index:AcrRegistry", name, component_inputs(args, AcrRegistryArgs), opts)
        body = registry_body(args)
        properties = dict(body["properties"])
        del properties["roleAssignmentMode"]
        imported = args.get("import_id")
        registry = Registry(
            name,
            resource_group_name=args["resource_group"],
            registry_name=args["registry_name"],
            location=args.get("location"),
            sku={"name": body["sku"]["name"]},
            identity=_identity(args),
            tags=body.get("tags"),
            admin_user_enabled=properties["adminUserEnabled"],
            anonymous_pull_enabled=properties["anonymousPullEnabled"],
            data_endpoint_enabled=properties.get("dataEndpointEnabled"),
            public_network_access=properties["publicNetworkAccess"],
            network_rule_bypass_options=properties["networkRuleBypassOptions"],
            network_rule_set=_rules(args),
            policies=_policies(args),
            encryption=_encryption(args),
            zone_redundancy=properties["zoneRedundancy"],
            opts=pulumi.ResourceOptions(
                parent=self, protect=imported is not None or args.get("protect", True), import_=imported
            ),
        )
        if imported is None:
            Deployment(
                f"{name}-mode",
                resource_group_name=args["resource_group"],
                deployment_name=pulumi.Output.concat(args["registry_name"], "-mode"),
                properties=DeploymentPropertiesArgs(mode=DeploymentMode.INCREMENTAL, template=_template(args, body)),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[registry]),
            )
        self.registry_id = registry.id
        self.registry_name = registry.name
        self.login_server = registry.login_server
        self.data_endpoint_hosts = registry.data_endpoint_host_names
        self.register_outputs(
            {
                "registryId": self.registry_id,
                "registryName": self.registry_name,
                "loginServer": self.login_server,
                "dataEndpointHosts": self.data_endpoint_hosts,
            }
        )


def registry_body(args: AcrRegistryArgs) -> dict[str, Any]:
    """What Azure's API is sent for the registry, in version :data:`API_VERSION`. What the tier does not have is left out, not
    switched off: some tiers refuse even that."""
    sku = args.get("sku", "Standard")
    properties: dict[str, Any] = {
        "adminUserEnabled": args.get("admin_user", False),
        # Whoever guesses a name could pull; and with it pushes fail now and then (Azure/acr#582).
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Enabled" if args.get("public_network_access", True) else "Disabled",
        "roleAssignmentMode": "AbacRepositoryPermissions" if args.get("abac", True) else "LegacyRegistryPermissions",
        "zoneRedundancy": "Enabled" if args.get("zone_redundancy", False) else "Disabled",
        # Without a firewall, which only Premium has, there is nothing to pass by.
        "networkRuleBypassOptions": "AzureServices"
        if sku != "Premium" or args.get("trusted_services", False)
        else "None",
    }
    if args.get("data_endpoints", False):
        properties["dataEndpointEnabled"] = True
    ranges = args.get("allowed_ip_ranges")
    if ranges is not None:
        properties["networkRuleSet"] = {
            "defaultAction": "Deny",
            "ipRules": [{"value": value, "action": "Allow"} for value in ranges],
        }
    policies: dict[str, Any] = {}
    if "retention_days" in args:
        policies["retentionPolicy"] = {"days": args["retention_days"], "status": "enabled"}
    if not args.get("allow_export", True):
        policies["exportPolicy"] = {"status": "disabled"}
    if policies:
        properties["policies"] = policies
    body: dict[str, Any] = {"sku": {"name": sku}, "properties": properties}
    if args.get("tags"):
        body["tags"] = dict(args.get("tags", {}))
    key = args.get("customer_key")
    if key:
        properties["encryption"] = {
            "status": "enabled",
            "keyVaultProperties": {"keyIdentifier": key["key_identifier"], "identity": key["client_id"]},
        }
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {key["identity_id"]: {}}}
    return body


def _template(args: AcrRegistryArgs, body: dict[str, Any]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "type": "Microsoft.ContainerRegistry/registries",
        "apiVersion": API_VERSION,
        "name": args["registry_name"],
        "location": args.get("location") or "[resourceGroup().location]",
        **body,
    }
    if "tags" in body:
        # A text that begins with a bracket would be read as an expression.
        resource["tags"] = {k: f"[{v}" if v.startswith("[") else v for k, v in body["tags"].items()}
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [resource],
    }


def _identity(args: AcrRegistryArgs) -> Any:
    key = args.get("customer_key")
    return {"type": "UserAssigned", "user_assigned_identities": {key["identity_id"]: {}}} if key else None


def _rules(args: AcrRegistryArgs) -> Any:
    ranges = args.get("allowed_ip_ranges")
    if ranges is None:
        return None
    return {
        "default_action": "Deny",
        "ip_rules": [{"i_p_address_or_range": value, "action": "Allow"} for value in ranges],
    }


def _policies(args: AcrRegistryArgs) -> Any:
    policies: dict[str, Any] = {}
    if "retention_days" in args:
        policies["retention_policy"] = {"days": args["retention_days"], "status": "enabled"}
    if not args.get("allow_export", True):
        policies["export_policy"] = {"status": "disabled"}
    return policies or None


def _encryption(args: AcrRegistryArgs) -> Any:
    key = args.get("customer_key")
    if not key:
        return None
    return {
        "status": "enabled",
        "key_vault_properties": {"key_identifier": key["key_identifier"], "identity": key["client_id"]},
    }
