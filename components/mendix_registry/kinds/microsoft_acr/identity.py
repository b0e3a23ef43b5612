# No "from __future__ import annotations": Pulumi's analyzer of multi-language components reads the annotations as objects.
"""A managed identity that exactly the named ServiceAccounts of the named clusters can be.

Sources: Microsoft's page "workload-identity-federation-considerations", the models of ``azure-mgmt-msi``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native.managedidentity import (
    FederatedIdentityCredential,
    UserAssignedIdentity,
    get_user_assigned_identity_output,
)

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.kinds.microsoft_acr.settings import AUDIENCE, CREDENTIALS_PER_IDENTITY
from mendix_registry.names import digest
from mendix_registry.service_account import ServiceAccountArgs

CREDENTIAL_NAME_LENGTH = 120
"""Most characters of a credential's name, ``[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}``; it can never be changed."""


class AcrIdentityArgs(TypedDict):
    """A managed identity and who it trusts."""

    resource_group: NotRequired[pulumi.Input[str]]
    """Name of the existing resource group. Not used with ``existing_id``."""

    identity_name: NotRequired[pulumi.Input[str]]
    """The identity's name. Not used with ``existing_id``."""

    location: NotRequired[pulumi.Input[str]]
    """Region. Default: the resource group's. Some regions have no federated credentials."""

    issuer_urls: Sequence[str]
    """The clusters' OIDC issuers, exactly as in their tokens."""

    service_accounts: Sequence[ServiceAccountArgs]
    """The ServiceAccounts that can be the identity. Never a wildcard; issuers times ServiceAccounts are at most 20."""

    audience: NotRequired[str]
    """The audience of their tokens. Default: ``api://AzureADTokenExchange``."""

    tags: NotRequired[Mapping[str, str]]
    """Tags."""

    existing_id: NotRequired[str]
    """Resource id of an identity that exists and is only given credentials."""

    import_id: NotRequired[str]
    """Resource id of an identity to take over instead of creating one; it is then protected."""


class AcrIdentity(pulumi.ComponentResource):
    """Creates (or finds, or takes over) a managed identity and its federated credentials.

    The credentials are written one after the other, since Azure answers 409 to two at once under one identity. Each waits for all
    before it; nothing of one stands in another, so a ServiceAccount that comes or goes changes its own alone.

    Raises:
        ValueError: more credentials than an identity can have, or none.
    """

    identity_id: pulumi.Output[str]
    """Resource id."""

    client_id: pulumi.Output[str]
    """Client id, for the ServiceAccounts' annotation."""

    principal_id: pulumi.Output[str]
    """Object id, for role assignments."""

    tenant_id: pulumi.Output[str]
    """Tenant."""

    def __init__(self, name: str, args: AcrIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        count = len(args["issuer_urls"]) * len(args["service_accounts"])
        if not 1 <= count <= CREDENTIALS_PER_IDENTITY:
            raise ValueError(
                f"{name} would have {count} federated credentials; an identity has 1 to {CREDENTIALS_PER_IDENTITY}"
            )
        super().__init__("mendix-registry:index:AcrIdentity", name, component_inputs(args, AcrIdentityArgs), opts)
        existing = args.get("existing_id")
        if existing:
            place = parse_resource_id(existing)
            group, identity_name = pulumi.Output.from_input(place.resource_group), pulumi.Output.from_input(place.name)
            found = get_user_assigned_identity_output(
                resource_group_name=place.resource_group,
                resource_name=place.name,
                opts=pulumi.InvokeOutputOptions(parent=self),
            )
            self.identity_id = pulumi.Output.from_input(existing)
            self.client_id, self.principal_id, self.tenant_id = found.client_id, found.principal_id, found.tenant_id
        else:
            if "resource_group" not in args or "identity_name" not in args:
                raise ValueError(f"{name} needs resource_group and identity_name, or existing_id")
            group = pulumi.Output.from_input(args["resource_group"])
            imported = args.get("import_id")
            identity = UserAssignedIdentity(
                name,
                resource_group_name=group,
                resource_name_=args["identity_name"],
                location=args.get("location"),
                tags=args.get("tags") or None,
                opts=pulumi.ResourceOptions(parent=self, protect=imported is not None, import_=imported),
            )
            identity_name = identity.name
            self.identity_id = identity.id
            self.client_id, self.principal_id = identity.client_id, identity.principal_id
            self.tenant_id = identity.tenant_id
        self.credentials = self._credentials(name, args, group, identity_name)
        self.register_outputs(
            {
                "identityId": self.identity_id,
                "clientId": self.client_id,
                "principalId": self.principal_id,
                "tenantId": self.tenant_id,
            }
        )

    def _credentials(
        self, name: str, args: AcrIdentityArgs, group: pulumi.Output[str], identity_name: pulumi.Output[str]
    ) -> dict[tuple[str, str], list[pulumi.Resource]]:
        """The credentials of each ServiceAccount, by its namespace and name."""
        made: dict[tuple[str, str], list[pulumi.Resource]] = {}
        before: list[pulumi.Resource] = []
        for account in sorted(args["service_accounts"], key=lambda item: (item["namespace"], item["name"])):
            for issuer in sorted(args["issuer_urls"]):
                subject = f"system:serviceaccount:{account['namespace']}:{account['name']}"
                credential = credential_name(account["namespace"], account["name"], issuer)
                resource = FederatedIdentityCredential(
                    f"{name}-{credential}",
                    resource_group_name=group,
                    resource_name_=identity_name,
                    federated_identity_credential_resource_name=credential,
                    issuer=issuer,
                    subject=subject,
                    audiences=[args.get("audience", AUDIENCE)],
                    opts=pulumi.ResourceOptions(parent=self, depends_on=list(before)),
                )
                # Of all before it, not of the last alone: two that go at once must not be deleted at once either.
                before.append(resource)
                made.setdefault((account["namespace"], account["name"]), []).append(resource)
        return made


def credential_name(namespace: str, service_account: str, issuer: str) -> str:
    """The name of the credential of one ServiceAccount in one cluster. It always ends in a hash of all three, so that a second
    cluster does not rename the first one's."""
    ending = digest(f"{issuer}\n{namespace}\n{service_account}", 10)
    room = CREDENTIAL_NAME_LENGTH - len(ending) - 1
    words = re.sub(r"[^a-z0-9-]", "-", f"{namespace}-{service_account}")[:room].rstrip("-")
    return f"{words}-{ending}"
