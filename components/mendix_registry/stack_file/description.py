"""What a stack file means, as one JSON object: its settings with all defaults, and the names that follow from them.

For tools around the program, which would otherwise copy its defaults and rules. Secrets are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

from mendix_registry.settings import credentials
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.settings.values import OriginText, SecretText

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MASKED = "[secret]"


def describe(settings: Settings) -> dict[str, Json]:
    """``settings``: every key of the stack file. ``registry``: its kind and hosts, null where only the cloud knows them.
    ``namespaces``: for each what this stack names and trusts."""
    registry: dict[str, Json] = {
        "type": settings.registry.type,
        "pushHost": settings.push_host or None,
        "pullHost": settings.pull_host or None,
    }
    return {
        "settings": plain(settings),
        "registry": registry,
        "namespaces": [_namespace(settings, each) for each in settings.namespaces],
    }


def _namespace(settings: Settings, namespace: Namespace) -> dict[str, Json]:
    account = settings.service_account(namespace)
    return {
        "name": namespace.name,
        "create": namespace.create,
        "repository": settings.repository(namespace),
        "serviceAccount": {"name": account.name, "create": account.create},
        "subject": f"system:serviceaccount:{namespace.name}:{account.name}",
        "existingSecret": settings.secret_name(namespace),
        "imageNameTemplate": settings.image_name_template(namespace),
    }


def plain(value: Any, key: str = "") -> Json:
    """A part of the settings as JSON, with the stack file's own keys."""
    if isinstance(value, SecretText):
        return MASKED
    if isinstance(value, OriginText):
        # What stands elsewhere does so because it may hold a credential.
        return MASKED if value.origin != "text" or credentials.in_tree(str(value), key) else str(value)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            (fields[name].alias or name): plain(getattr(value, name), fields[name].alias or name) for name in fields
        }
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return {str(name): plain(item, str(name)) for name, item in mapping.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = cast("list[Any]", value)
        return [plain(item, key) for item in items]
    if isinstance(value, str):
        return MASKED if credentials.in_tree(value, key) else value
    return value
