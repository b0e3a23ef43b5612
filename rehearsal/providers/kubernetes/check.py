"""Checks a resource's inputs before anything is planned, and fills in name and namespace."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from .checkpoint import READ_ONLY_METADATA, mark_secrets
from .errors import ApiError, ClusterUnavailableError
from .kinds import Kind, ResourceType
from .naming import Autonaming, NamingError, ensure_name, name_problem
from .properties import Properties, Unknown, mapping_at, plain
from .session import Session


@dataclass(frozen=True, slots=True)
class Failure:
    """A property that cannot be accepted, by its path, and why."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Inputs ready to be compared and applied; ``failures`` is empty if they are acceptable."""

    inputs: Properties
    failures: list[Failure]


async def check(
    session: Session | None,
    rtype: ResourceType,
    resource_name: str,
    new: Properties,
    old: Properties,
    seed: bytes,
    autonaming: Autonaming,
) -> Checked:
    """Check ``new`` inputs; ``old`` are those of the last update (empty for a new resource).

    ``session`` is None where the provider's own settings are not known yet; then the namespace stays as given.
    """
    inputs = dict(new)
    failures = _type_failures(rtype.kind, inputs)
    inputs.setdefault("apiVersion", rtype.kind.api_version)
    inputs.setdefault("kind", rtype.kind.kind)
    metadata = mapping_at(inputs, "metadata")
    if metadata:
        inputs["metadata"] = {key: value for key, value in metadata.items() if key not in READ_ONLY_METADATA}
    if metadata.get("generateName"):
        failures.append(
            Failure(
                "metadata.generateName",
                "not possible with server-side apply; leave metadata.name out for an automatic name",
            )
        )
    elif rtype.patch:
        if "metadata" not in inputs or (
            plain(metadata.get("name")) in (None, "") and not _is_unknown(inputs["metadata"])
        ):
            failures.append(Failure("metadata.name", "a …Patch resource must name the object that it patches"))
    else:
        try:
            ensure_name(inputs, old, resource_name, seed, autonaming)
        except NamingError as error:
            failures.append(Failure("metadata.name", str(error)))
    if problem := name_problem(rtype.kind, inputs):
        failures.append(Failure("metadata.name", problem))
    failures.extend(_data_failures(rtype.kind, inputs))
    if session is not None:
        await _default_namespace(session, rtype.kind, inputs, old)
    mark_secrets(inputs, inputs)
    return Checked(inputs, failures)


def _is_unknown(value: object) -> bool:
    return isinstance(plain(value), Unknown)


def _type_failures(kind: Kind, inputs: Properties) -> list[Failure]:
    found: list[Failure] = []
    for name, wanted in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        given = plain(inputs.get(name))
        if (
            isinstance(given, str)
            and given != wanted
            and not (name == "apiVersion" and Kind.of(given, "").api_version == wanted)
        ):
            found.append(Failure(name, f"{given!r} does not fit the resource's type, which says {wanted!r}"))
    return found


def _data_failures(kind: Kind, inputs: Properties) -> list[Failure]:
    """Values of ``data`` that are no base64; the value itself is never quoted."""
    section = {"Secret": "data", "ConfigMap": "binaryData"}.get(kind.kind) if kind.group == "" else None
    if section is None:
        return []
    found: list[Failure] = []
    for name, value in mapping_at(inputs, section).items():
        text = plain(value)
        if not isinstance(text, str):
            continue
        try:
            base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            remedy = (
                "put plain text into stringData instead"
                if kind.kind == "Secret"
                else "put plain text into data instead"
            )
            found.append(Failure(f'{section}["{name}"]', f"is not base64; {remedy}"))
    return found


async def _default_namespace(session: Session, kind: Kind, inputs: Properties, old: Properties) -> None:
    metadata = inputs.get("metadata")
    if _is_unknown(metadata) or mapping_at(inputs, "metadata").get("namespace") not in (None, ""):
        return
    try:
        namespace = session.default_namespace
        namespaced = await _is_namespaced(session, kind, old)
    except (ClusterUnavailableError, ApiError):
        return  # the operation itself will say what is wrong with the cluster
    if namespaced:
        inputs["metadata"] = {**mapping_at(inputs, "metadata"), "namespace": namespace}


async def _is_namespaced(session: Session, kind: Kind, old: Properties) -> bool:
    known = kind.namespaced
    if known is None and old:
        # An unchanged custom resource needs no request: its scope is as it was.
        known = bool(mapping_at(old, "metadata").get("namespace"))
    if known is None:
        endpoint = await session.discovery.find(kind)
        # A definition that this update is yet to create: nearly all are namespaced, and apply corrects it.
        known = endpoint.namespaced if endpoint is not None else True
    return known
