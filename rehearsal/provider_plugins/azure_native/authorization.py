"""Role assignments."""

from __future__ import annotations

from rehearsal.emulators.azure.names import GUID
from rehearsal.emulators.rules import Text
from rehearsal.provider_plugins.azure_native.resource import ArmResource
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import Input

_PROVIDER = "/providers/Microsoft.Authorization/roleAssignments/"


class RoleAssignment(ArmResource):
    type = "azure-native:authorization:RoleAssignment"
    api_version = "2022-04-01"
    place = ("scope", "roleAssignmentName")
    tracked = False
    inputs = {
        "scope": Input(Text(), required=True, replaces=True),
        # The provider makes a GUID up where none is given; an emulator that did so would hide that the program sets none.
        "roleAssignmentName": Input(GUID, required=True, replaces=True),
        "principalId": Input(GUID, required=True, replaces=True),
        "principalType": Input(
            Text(choices=("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")), default="User"
        ),
        "roleDefinitionId": Input(Text(), required=True),
        "condition": Input(Text()),
        "conditionVersion": Input(Text()),
        "delegatedManagedIdentityResourceId": Input(Text()),
        "description": Input(Text()),
    }
    computed = (*ArmResource.computed, "createdBy", "createdOn", "updatedBy", "updatedOn")
    changing = frozenset({"updatedBy", "updatedOn"})

    def path(self, inputs: Properties) -> str:
        return f"/{inputs['scope'].strip('/')}{_PROVIDER}{inputs['roleAssignmentName']}"

    def placed(self, identity: str) -> Properties:
        scope, _, name = identity.rpartition(_PROVIDER)
        return {"scope": scope, "roleAssignmentName": name}
