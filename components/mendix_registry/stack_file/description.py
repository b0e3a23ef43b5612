"""What a stack file means, as one JSON object: its settings with all defaults, and the names that follow from them.

For tools around the program, which would otherwise copy its defaults and rules. A secret is an object that gives where its value
stands, never the value; what hangs on a variable that is not set is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

from mendix_registry.kinds import KINDS
from mendix_registry.settings import credentials
from mendix_registry.settings.plan import PlannedIdentity, Prerequisite
from mendix_registry.settings.problems import PROJECT, Location
from mendix_registry.settings.stack import OPERATOR_CONFIGURATION, Namespace, Settings
from mendix_registry.settings.values import UNKNOWN, OriginText, SecretText
from mendix_registry.stack_file.sources import Sources, config_key, sources

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


def describe(
    settings: Settings, stack: str, variables: Mapping[str, bool], values: Mapping[str, Any]
) -> dict[str, Json]:
    """What the ``settings`` of the Pulumi stack ``stack`` mean.

    Args:
        settings: the stack file's.
        stack: the stack's name, which names have in them.
        variables: the environment variables that the stack file reads, and whether each is set.
        values: all configuration keys of the stack file with their namespace, as they are written.

    Returns:
        ``settings``: every key of the stack file; a secret is ``{"secret": true}`` with its source, which is ``environment`` (a
        variable), ``file`` or ``config`` (the key that Pulumi decrypts). ``providers``: the keys of other packages.
        ``registry``: its kind and hosts, null where only the cloud knows them, and where it is by the cloud's own keys.
        ``namespaces``: for each what this stack names and trusts; its ``plan`` is who pushes, null where no one authenticates.
        ``prerequisites``: what must exist before, each a ``what`` and a ``name``; with ``missing: true`` where it is known not to.
        Those that are environment variables have ``for``, the settings that are taken from them.
    """
    kind = KINDS[settings.registry.type].description
    origins = sources(values)
    providers = {key: _plain(value, {}, (key,)) for key, value in values.items() if not key.startswith(f"{PROJECT}:")}
    identities = kind.identities(settings, settings.registry, stack)
    prerequisites = [*_prerequisites(settings), *kind.prerequisites(settings, settings.registry)]
    registry: dict[str, Json] = {
        "type": settings.registry.type,
        "pushHost": settings.push_host or None,
        "pullHost": settings.pull_host or None,
        "linksPullSecret": settings.registry.links_pull_secret,
        **kind.where(settings, settings.registry, providers),
    }
    return {
        "settings": _plain(settings, origins),
        "providers": cast("Json", providers),
        "registry": _known(registry),
        "namespaces": [_known(_namespace(settings, each, identities.get(each.name))) for each in settings.namespaces],
        "prerequisites": [
            *(_known(_prerequisite(each)) for each in dict.fromkeys(prerequisites)),
            *(_variable(name, given, origins) for name, given in sorted(variables.items())),
        ],
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
    described: dict[str, Json] = {"what": needed.what, "name": _masked(needed.name)}
    return described | {"missing": True} if needed.missing else described


def _variable(name: str, given: bool, origins: Sources) -> dict[str, Json]:
    used = [config_key(location) for location, source in origins.items() if source.get("environment") == name]
    described: dict[str, Json] = {"what": "environment variable", "name": name, "for": cast("Json", used)}
    return described if given else described | {"missing": True}


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
            else {"what": identity.what, "name": _masked(identity.name), "origin": identity.origin}
        },
    }


def _plain(value: Any, origins: Sources, location: Location = ()) -> Json:
    """A part of the settings as JSON, with the stack file's own keys."""
    if isinstance(value, SecretText) or "config" in origins.get(location, ()):
        return _secret(origins, location)
    if isinstance(value, str) and UNKNOWN in value:
        # What stands elsewhere does so because it may hold a credential.
        return _secret(origins, location) if isinstance(value, OriginText) else None
    if isinstance(value, OriginText) and value.origin != "text":
        return _secret(origins, location)
    if isinstance(value, BaseModel):
        fields = ((name, field.alias or name) for name, field in type(value).model_fields.items())
        return {alias: _plain(getattr(value, name), origins, (*location, alias)) for name, alias in fields}
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        if list(mapping) == ["secure"]:
            return _secret(origins, location)
        return {str(name): _plain(item, origins, (*location, name)) for name, item in mapping.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = cast("list[Any]", value)
        return [_plain(item, origins, (*location, number)) for number, item in enumerate(items)]
    if isinstance(value, str):
        key = next((part for part in reversed(location) if isinstance(part, str)), "")
        return _secret(origins, location) if credentials.in_tree(value, key) else str(value)
    return value


def _secret(origins: Sources, location: Location) -> dict[str, Json]:
    return {"secret": True, **origins.get(location, {"config": config_key(location)})}


def _masked(name: str | None) -> str | None:
    """A name as it is printed: one that has a credential's form is none."""
    return "[secret]" if name and credentials.in_tree(name, "") else name
