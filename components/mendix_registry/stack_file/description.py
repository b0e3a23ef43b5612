"""What a stack file means, as one JSON object: its settings with all defaults, and the names that follow from them.

For tools around the program, which would otherwise copy its defaults and rules. Secrets are masked; what hangs on a variable that
is not set is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

from mendix_registry.kinds import KINDS
from mendix_registry.settings import credentials
from mendix_registry.settings.plan import PlannedIdentity, Prerequisite
from mendix_registry.settings.stack import OPERATOR_CONFIGURATION, Namespace, Settings
from mendix_registry.settings.values import UNKNOWN, OriginText, SecretText

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MASKED = "[secret]"


def describe(settings: Settings, stack: str, variables: Mapping[str, bool]) -> dict[str, Json]:
    """What the ``settings`` of the Pulumi stack ``stack`` mean.

    Args:
        settings: the stack file's.
        stack: the stack's name, which names have in them.
        variables: the environment variables that the stack file reads, and whether each is set.

    Returns:
        ``settings``: every key of the stack file. ``registry``: its kind and hosts, null where only the cloud knows them.
        ``namespaces``: for each what this stack names and trusts; its ``plan`` is who pushes, null where no one authenticates.
        ``prerequisites``: what must exist before, each a ``what`` and a ``name``; with ``missing: true`` where it is known not to.
    """
    registry_kind = KINDS[settings.registry.type].description
    identities = registry_kind.identities(settings, settings.registry, stack)
    prerequisites = [
        *_prerequisites(settings),
        *registry_kind.prerequisites(settings, settings.registry),
        *(Prerequisite("environment variable", name, not given) for name, given in sorted(variables.items())),
    ]
    registry: dict[str, Json] = {
        "type": settings.registry.type,
        "pushHost": settings.push_host or None,
        "pullHost": settings.pull_host or None,
    }
    return {
        "settings": plain(settings),
        "registry": _known(registry),
        "namespaces": [_known(_namespace(settings, each, identities.get(each.name))) for each in settings.namespaces],
        "prerequisites": [_known(_prerequisite(each)) for each in dict.fromkeys(prerequisites)],
    }


def _prerequisites(settings: Settings) -> Iterator[Prerequisite]:
    """What every kind of registry needs in the cluster."""
    for namespace in settings.namespaces:
        account = settings.service_account(namespace)
        if not namespace.create:
            yield Prerequisite("Namespace", namespace.name)
        # The platform's own comes with its namespace.
        if not account.create and not (namespace.create and settings.registry.builder):
            yield Prerequisite("ServiceAccount", f"{namespace.name}/{account.name}")
        if settings.operator_configuration.adopt == "patch":
            yield Prerequisite("OperatorConfiguration", f"{namespace.name}/{OPERATOR_CONFIGURATION}")
        app = settings.builder.build.mda if settings.builder.build else None
        if app is not None and app.config_map:
            yield Prerequisite("ConfigMap", f"{namespace.name}/{app.config_map}")
        if app is not None and app.persistent_volume_claim:
            yield Prerequisite("PersistentVolumeClaim", f"{namespace.name}/{app.persistent_volume_claim}")


def _prerequisite(needed: Prerequisite) -> dict[str, Json]:
    described: dict[str, Json] = {"what": needed.what, "name": plain(needed.name)}
    return described | {"missing": True} if needed.missing else described


def _known(value: Json) -> Json:
    """``value`` with null for each text that has something unknown in it."""
    if isinstance(value, str):
        return None if UNKNOWN in value else value
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _namespace(settings: Settings, namespace: Namespace, identity: PlannedIdentity | None) -> dict[str, Json]:
    account = settings.service_account(namespace)
    return {
        "name": namespace.name,
        "create": namespace.create,
        "repository": settings.repository(namespace),
        "serviceAccount": {"name": account.name, "create": account.create},
        "subject": f"system:serviceaccount:{namespace.name}:{account.name}",
        "existingSecret": settings.secret_name(namespace),
        "imageNameTemplate": settings.image_name_template(namespace),
        "plan": {
            "identity": None
            if identity is None
            else {"what": identity.what, "name": plain(identity.name), "origin": identity.origin}
        },
    }


def plain(value: Any, key: str = "") -> Json:
    """A part of the settings as JSON, with the stack file's own keys."""
    if isinstance(value, SecretText):
        return None if isinstance(value.value, str) and UNKNOWN in value.value else MASKED
    if isinstance(value, str) and UNKNOWN in value:
        return None
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
