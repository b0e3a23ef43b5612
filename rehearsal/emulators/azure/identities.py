"""Microsoft.ManagedIdentity: user-assigned identities and their federated credentials.

Source: Microsoft's page "workload-identity-federation-considerations", the models of ``azure-mgmt-msi``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

from rehearsal.emulators.azure.errors import ArmError
from rehearsal.emulators.azure.names import CREDENTIAL_NAME, IDENTITY_NAME
from rehearsal.emulators.azure.registries import not_found
from rehearsal.emulators.azure.resource_ids import ResourceId
from rehearsal.emulators.azure.store import Document, Store
from rehearsal.emulators.rules import Text, problems_of

PROVIDER = "Microsoft.ManagedIdentity"
IDENTITY = f"{PROVIDER}/userAssignedIdentities"
CREDENTIAL = f"{IDENTITY}/federatedIdentityCredentials"
CREDENTIALS_PER_IDENTITY = 20
_WITHOUT_CREDENTIALS = ("malaysiasouth", "newzealandnorth")
_LONGEST = 600
_WRITE_SECONDS = 0.05
"""How long a write of a credential takes here: long enough for another at the same time to be noticed."""


class Identities:
    """The operations of the resource provider over a store, in one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store, self._tenant = store, tenant
        self._writing: set[str] = set()

    def put_identity(self, where: ResourceId, body: Mapping[str, Any]) -> tuple[Document, bool]:
        """Create or update. Raises ArmError."""
        _named(IDENTITY_NAME, where.name)
        present = self._store.get(where.text)
        location = str(body.get("location") or "").replace(" ", "").lower()
        if not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        if present and present["location"] != location:
            raise ArmError(409, "InvalidResourceLocation", f"'{where.name}' already exists in '{present['location']}'.")
        made = {"tenantId": self._tenant, "principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4())}
        document: Document = {
            "id": where.text,
            "name": where.name,
            "type": IDENTITY,
            "location": location,
            "tags": dict(body.get("tags") or {}),
            "properties": present["properties"] if present else made,
        }
        self._store.put(where.text, document)
        return document, present is None

    async def put_credential(self, where: ResourceId, body: Mapping[str, Any]) -> tuple[Document, bool]:
        """Create or update. Raises ArmError."""
        _named(CREDENTIAL_NAME, where.name)
        identity = self._identity(where)
        async with _Write(self._writing, identity["id"]):
            given: dict[str, Any] = dict(body.get("properties") or {})
            others = [item for item in self._store.below(identity["id"], CREDENTIAL) if item["name"] != where.name]
            _check(identity, given, others)
            present = self._store.get(where.text)
            if present is None and len(others) >= CREDENTIALS_PER_IDENTITY:
                message = (
                    f"Too many Federated Identity Credentials found on {identity['name']}: at most {CREDENTIALS_PER_IDENTITY} "
                    "are allowed for a managed identity."
                )
                raise ArmError(400, "FederatedIdentityCredentialsLimitExceeded", message)
            properties = {key: given[key] for key in ("issuer", "subject", "audiences")}
            document: Document = {"id": where.text, "name": where.name, "type": CREDENTIAL, "properties": properties}
            self._store.put(where.text, document)
        return document, present is None

    async def delete_credential(self, where: ResourceId) -> bool:
        """Whether there was one. Raises ArmError."""
        if self._store.get(where.parent.text) is None:
            return False
        async with _Write(self._writing, where.parent.text):
            return self._store.delete(where.text)

    def by_client_id(self, client_id: str) -> Document | None:
        """The identity with this client id, at once: what takes time is its credentials."""
        found = self._store.below("/", IDENTITY)
        return next((item for item in found if item["properties"]["clientId"].lower() == client_id.lower()), None)

    def is_service_principal(self, principal: str) -> bool:
        found = self._store.below("/", IDENTITY)
        return any(item["properties"]["principalId"].lower() == principal.lower() for item in found)

    def _identity(self, where: ResourceId) -> Document:
        found = self._store.get(where.parent.text)
        if found is None:
            raise not_found(where.parent)
        return found


class _Write:
    """A write of a credential, during which another one of the same identity is refused."""

    def __init__(self, writing: set[str], identity: str) -> None:
        self._writing, self._identity = writing, identity.lower()

    async def __aenter__(self) -> None:
        if self._identity in self._writing:
            message = (
                "Too many concurrent writes for federated identity credentials under the same managed identity: write them one "
                "after the other."
            )
            raise ArmError(409, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity", message)
        self._writing.add(self._identity)
        await asyncio.sleep(_WRITE_SECONDS)

    async def __aexit__(self, *_: object) -> None:
        self._writing.discard(self._identity)


def _check(identity: Document, given: Mapping[str, Any], others: list[Document]) -> None:
    if identity["location"] in _WITHOUT_CREDENTIALS:
        message = f"Federated identity credentials are not supported for identities in {identity['location']}."
        raise ArmError(400, "UnsupportedLocation", message)
    issuer, subject, audiences = (given.get(key) for key in ("issuer", "subject", "audiences"))
    if not isinstance(audiences, list) or len(audiences) != 1:  # pyright: ignore[reportUnknownArgumentType]
        raise ArmError(400, "InvalidAudiences", "A federated identity credential has exactly one audience.")
    for name, value in (("issuer", issuer), ("subject", subject), ("audience", audiences[0])):  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST:
            raise ArmError(
                400, "BadRequest", f"The {name} of a federated identity credential has 1 to {_LONGEST} characters."
            )
        if "*" in value or "?" in value:
            raise ArmError(400, "BadRequest", f"The {name} '{value}' has a wildcard, which no property supports.")
    if not str(issuer).startswith("https://"):
        raise ArmError(400, "BadRequest", f"The issuer '{issuer}' is not an https URL.")
    for other in others:
        if (other["properties"]["issuer"], other["properties"]["subject"]) == (issuer, subject):
            message = f"Issuer and subject combination already exists for this Managed Identity: {other['name']}."
            raise ArmError(409, "Conflict", message)


def _named(rule: Text, name: str) -> None:
    problems = [text for _, text in problems_of(rule, name, "name")]
    if problems:
        raise ArmError(400, "InvalidResourceName", f"The name '{name}' is not valid: {'; '.join(problems)}.")
