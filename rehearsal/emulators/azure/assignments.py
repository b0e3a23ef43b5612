"""Microsoft.Authorization: role assignments.

Source: learn.microsoft.com/azure/role-based-access-control/role-assignments, …/troubleshooting, …/conditions-format.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from rehearsal.emulators.azure.conditions import ConditionError, parse
from rehearsal.emulators.azure.errors import ArmError
from rehearsal.emulators.azure.identities import Identities
from rehearsal.emulators.azure.names import GUID
from rehearsal.emulators.azure.permissions import ROLE_ASSIGNMENT
from rehearsal.emulators.azure.roles import role_of
from rehearsal.emulators.azure.store import Document, Store
from rehearsal.emulators.rules import problems_of

PROVIDER = "/providers/Microsoft.Authorization/roleAssignments/"
PER_SUBSCRIPTION = 4000
_LONGEST_CONDITION = 8 * 1024


class Assignments:
    """The operations of the resource provider over a store."""

    def __init__(self, store: Store, identities: Identities) -> None:
        self._store, self._identities = store, identities

    def put(self, identity: str, body: Mapping[str, Any]) -> tuple[Document, bool]:
        """Create or update. Raises ArmError."""
        scope, _, name = identity.rpartition(PROVIDER)
        if list(problems_of(GUID, name, "name")):
            message = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
            raise ArmError(400, "InvalidRoleAssignmentId", message)
        properties = self._properties(scope, body)
        others = [item for item in self._store.below("/", ROLE_ASSIGNMENT) if item["name"].lower() != name.lower()]
        present = self._store.get(identity)
        if present is None:
            self._check_new(scope, properties, others)
        elif any(present["properties"][key].lower() != properties[key].lower() for key in ("principalId", "scope")):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ArmError(400, "RoleAssignmentUpdateNotPermitted", message)
        now = datetime.datetime.now(datetime.UTC).isoformat()
        properties["createdOn"] = present["properties"]["createdOn"] if present else now
        properties |= {"updatedOn": now, "createdBy": "rehearsal", "updatedBy": "rehearsal"}
        document: Document = {"id": identity, "name": name, "type": ROLE_ASSIGNMENT, "properties": properties}
        self._store.put(identity, document)
        return document, present is None

    def _properties(self, scope: str, body: Mapping[str, Any]) -> dict[str, Any]:
        given: dict[str, Any] = dict(body.get("properties") or {})
        definition, principal = str(given.get("roleDefinitionId") or ""), str(given.get("principalId") or "")
        role = role_of(definition)
        if role is None:
            message = f"The specified role definition with ID '{definition.rpartition('/')[2]}' does not exist."
            raise ArmError(404, "RoleDefinitionDoesNotExist", message)
        if list(problems_of(GUID, principal, "principalId")):
            raise ArmError(
                400,
                "InvalidPrincipalId",
                f"A valid principal ID must be provided for role assignment, not '{principal}'.",
            )
        kind = str(given.get("principalType") or "User")
        if kind != "ServicePrincipal" and self._identities.is_service_principal(principal):
            message = (
                f"The PrincipalId '{principal.replace('-', '')}' has type 'ServicePrincipal', which is different from specified "
                f"PrincipalType '{kind}'."
            )
            raise ArmError(400, "UnmatchedPrincipalType", message)
        condition = given.get("condition")
        if condition:
            _check_condition(
                str(condition), given.get("conditionVersion"), data=bool(role.data_actions), role=role.name
            )
        subscription = "/".join(scope.strip("/").split("/")[:2])
        given["roleDefinitionId"] = (
            f"/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{definition.rpartition('/')[2]}"
        )
        return {**given, "principalType": kind, "scope": scope}

    def _check_new(self, scope: str, properties: Mapping[str, Any], others: list[Document]) -> None:
        parts = scope.strip("/").split("/")
        if len(parts) > 2 and self._store.get(scope) is None:
            raise ArmError(404, "ResourceNotFound", f"The scope '{scope}' of the role assignment was not found.")
        same = ("scope", "principalId", "roleDefinitionId")
        for other in others:
            if all(str(other["properties"][key]).lower() == str(properties[key]).lower() for key in same):
                message = (
                    "The role assignment already exists. The ID of the existing role assignment is "
                    f"{other['name'].replace('-', '')}."
                )
                raise ArmError(409, "RoleAssignmentExists", message)
        if (
            sum(item["properties"]["scope"].strip("/").split("/")[1:2] == parts[1:2] for item in others)
            >= PER_SUBSCRIPTION
        ):
            message = f"No more role assignments can be created: {PER_SUBSCRIPTION} is the limit of a subscription."
            raise ArmError(400, "RoleAssignmentLimitExceeded", message)


def _check_condition(condition: str, version: Any, *, data: bool, role: str) -> None:
    if version != "2.0":
        raise ArmError(400, "InvalidConditionVersion", "A condition needs conditionVersion 2.0.")
    if len(condition) > _LONGEST_CONDITION:
        raise ArmError(
            400, "ConditionTooLong", f"The condition has {len(condition)} characters; allowed are {_LONGEST_CONDITION}."
        )
    if not data:
        raise ArmError(400, "InvalidCondition", f"{role} has no data actions that a condition could narrow.")
    try:
        parse(condition)
    except ConditionError as error:
        raise ArmError(
            400, "InvalidCondition", f"The condition of the role assignment is not valid: {error}."
        ) from error
