"""Microsoft's own management SDKs as judges of what azure-native would be asked for.

A registration's inputs are turned into the request that Azure Resource Manager gets: what stands in the path, and a body. The body
must be one that the SDK's model knows in full (no unknown, no read-only property, no value outside an enumeration), the path one
that the SDK's operation makes after its own checks, and what the operation sends must be that body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any
from unittest import mock

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01 import models as authorization
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry import models as registry
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.v2024_11_30 import models as msi
from azure.mgmt.msi.v2024_11_30._utils.serialization import Serializer

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


@dataclass(frozen=True, slots=True)
class Sent:
    """What the SDK would send."""

    url: str
    body: Mapping[str, Any]


class _Credential:
    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("token", 1 << 40)

    def get_token_info(self, *scopes: str, **kwargs: Any) -> Any:
        from azure.core.credentials import AccessTokenInfo

        return AccessTokenInfo("token", 1 << 40)


class _Recorded(Exception):  # noqa: N818
    """Ends an operation once its request is known: there is no answer to give."""


class _Recorder(HttpTransport):
    """Keeps the request and goes no further."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def send(self, request: Any, **kwargs: Any) -> Any:
        data = request.content if hasattr(request, "content") and request.content else request.data
        self.sent.append(Sent(request.url, json.loads(data)))
        raise _Recorded

    def open(self) -> None: ...
    def close(self) -> None: ...
    def __exit__(self, *args: Any) -> None: ...


def sent(kind: str, inputs: Mapping[str, Any]) -> Sent:
    """The request for a resource of the azure-native type ``kind`` (its last part), judged.

    Raises:
        AssertionError: Microsoft's model does not know something in it.
        ValueError: the operation refuses it.
    """
    transport = _Recorder()
    with mock.patch.object(Serializer, "url", _checked_url):
        body = _JUDGES[kind](dict(inputs), transport)
    [request] = transport.sent
    assert request.body == body, f"{kind}: the SDK sends {request.body}, not {body}"
    return request


_url = Serializer.url


def _checked_url(self: Any, name: str, data: Any, data_type: str, **rules: Any) -> str:
    """The SDK writes a path parameter's rules down and leaves it to the service to hold them; here they are held."""
    if "pattern" in rules and not re.search(rules["pattern"], data):
        raise ValueError(f"{name}: {data!r} does not match {rules['pattern']}")
    if not rules.get("min_length", 0) <= len(data) <= rules.get("max_length", len(data)):
        raise ValueError(f"{name}: {data!r} has {len(data)} characters")
    return _url(self, name, data, data_type, **rules)


def registry_arm(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a registry out of azure-native's inputs: what is not at the top belongs below ``properties``."""
    top = {key: inputs[key] for key in ("location", "sku", "tags", "identity") if key in inputs}
    path = ("resourceGroupName", "registryName")
    properties = {key: value for key, value in inputs.items() if key not in top and key not in path}
    rules = properties.get("networkRuleSet", {}).get("ipRules")
    if rules:
        renamed = [{"value": r["iPAddressOrRange"], "action": r["action"]} for r in rules]
        properties["networkRuleSet"] = {**properties["networkRuleSet"], "ipRules": renamed}
    return {"location": "westeurope", **top, "properties": properties}


def known(model: Any, body: Mapping[str, Any], path: str = "") -> None:
    """Every key of ``body`` is a property of the model that a client may set, with a value that it knows.

    Raises:
        AssertionError: one is not.
    """
    fields = {field._rest_name: (name, field) for name, field in type(model)._attr_to_rest_field.items()}
    for key, value in body.items():
        assert key in fields, f"{type(model).__name__} has no {path}{key}"
        name, field = fields[key]
        assert field._visibility is None or "create" in field._visibility, f"{path}{key} is read-only"
        annotation = next(str(c.__annotations__[name]) for c in type(model).__mro__ if name in c.__annotations__)
        for word in re.findall(r"_models\.(\w+)", annotation):
            enumeration = getattr(registry, word)
            if isinstance(enumeration, type) and issubclass(enumeration, Enum):
                assert value in [item.value for item in enumeration], f"{path}{key}: {value!r} is not in {word}"
        attribute = getattr(model, name)
        for item, data in zip(
            attribute if isinstance(attribute, list) else [attribute],
            value if isinstance(value, list) else [value],
            strict=True,
        ):
            if hasattr(type(item), "_attr_to_rest_field"):
                known(item, data, f"{path}{key}.")


def judge_registry(body: Mapping[str, Any], group: str, name: str, transport: Any = None) -> Sent:
    """A registry's body, as a typed resource or a template has it."""
    recorder = transport or _Recorder()
    model = registry.Registry(dict(body))
    known(model, body)
    client = ContainerRegistryManagementClient(_Credential(), SUBSCRIPTION, transport=recorder)
    with suppress(_Recorded):
        client.registries.begin_create(group, name, model)
    return recorder.sent[-1]


def _registry(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    body = registry_arm(inputs)
    judge_registry(body, inputs["resourceGroupName"], inputs["registryName"], transport)
    return body


def _scope_map(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    group, name, own = inputs.pop("resourceGroupName"), inputs.pop("registryName"), inputs.pop("scopeMapName")
    body = {"properties": inputs}
    model = registry.ScopeMap(body)
    known(model, body)
    client = ContainerRegistryManagementClient(_Credential(), SUBSCRIPTION, transport=transport)
    with suppress(_Recorded):
        client.scope_maps.begin_create(group, name, own, model)
    return body


def _token(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    group, name, own = inputs.pop("resourceGroupName"), inputs.pop("registryName"), inputs.pop("tokenName")
    body = {"properties": inputs}
    model = registry.Token(body)
    known(model, body)
    client = ContainerRegistryManagementClient(_Credential(), SUBSCRIPTION, transport=transport)
    with suppress(_Recorded):
        client.tokens.begin_create(group, name, own, model)
    return body


def _identity(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    group, name = inputs.pop("resourceGroupName"), inputs.pop("resourceName")
    body = {"location": "westeurope", **inputs}
    client = ManagedServiceIdentityClient(_Credential(), SUBSCRIPTION, transport=transport, api_version="2024-11-30")
    with suppress(_Recorded):
        client.user_assigned_identities.create_or_update(group, name, msi.Identity.deserialize(body))
    return body


def _credential(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    group, identity = inputs.pop("resourceGroupName"), inputs.pop("resourceName")
    own = inputs.pop("federatedIdentityCredentialResourceName")
    body = {"properties": inputs}
    client = ManagedServiceIdentityClient(_Credential(), SUBSCRIPTION, transport=transport, api_version="2024-11-30")
    with suppress(_Recorded):
        client.federated_identity_credentials.create_or_update(
            group, identity, own, msi.FederatedIdentityCredential.deserialize(body)
        )
    return body


def _assignment(inputs: dict[str, Any], transport: _Recorder) -> dict[str, Any]:
    scope, own = inputs.pop("scope"), inputs.pop("roleAssignmentName")
    body = {"properties": inputs}
    assert inputs["principalType"] in [item.value for item in authorization.PrincipalType]
    client = AuthorizationManagementClient(_Credential(), SUBSCRIPTION, transport=transport, api_version="2022-04-01")
    with suppress(_Recorded):
        client.role_assignments.create(scope, own, authorization.RoleAssignmentCreateParameters.deserialize(body))
    return body


_JUDGES: dict[str, Callable[[dict[str, Any], _Recorder], dict[str, Any]]] = {
    "Registry": _registry,
    "ScopeMap": _scope_map,
    "Token": _token,
    "UserAssignedIdentity": _identity,
    "FederatedIdentityCredential": _credential,
    "RoleAssignment": _assignment,
}
