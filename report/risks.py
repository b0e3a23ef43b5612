"""What a reviewer must not miss: a mark on every change that is dangerous, with why and what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from access_documents.azure import registries
from access_documents.credentials import SECRETS, TYPES, in_secret
from report.access import kubernetes
from report.access.world import Resource, World
from report.broad_access import broad_access, newly_trusted, trusted_issuers
from report.broad_access_aws import Surroundings, surroundings
from report.changes import Change
from report.loosened import loosened
from report.masking import mask_text
from report.mutable_tags import newly_mutable
from report.not_understood import not_understood
from report.retention import deletions
from report.values import at, is_unknown, mapping

Kind: TypeAlias = Literal[
    "data loss", "broad access", "not understood", "plain http", "static credentials", "protection removed"
]
ORDER: tuple[Kind, ...] = (
    "data loss",
    "broad access",
    "not understood",
    "protection removed",
    "plain http",
    "static credentials",
)


@dataclass(frozen=True, slots=True)
class Risk:
    """One danger. ``urn`` is the resource, empty where it is a setting; ``why`` a sentence without any foreign text."""

    kind: Kind
    stack: str
    type: str
    name: str
    urn: str
    why: str
    value: str = ""
    """Foreign text that the sentence is about (a subject, a scope), to be shown behind it."""


_HOLDS_DATA: Mapping[str, str] = {
    "aws:ecr/repository:Repository": "All images in it go with it.",
    "azure-native:containerregistry:Registry": "All repositories and images in it go with it.",
    "gcp:artifactregistry/repository:Repository": "All images in it go with it.",
    "kubernetes:core/v1:Namespace": "Everything in the namespace goes with it, Mendix apps and their databases' claims too.",
    "kubernetes:core/v1:PersistentVolumeClaim": "Its volume may go with it.",
    "aws:kms/key:Key": "Whatever it encrypts can no longer be read.",
    "aws:s3/bucket:Bucket": "Its objects go with it.",
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": "All objects of this kind go with it.",
}

_CREDENTIALS: Mapping[str, str] = {
    "aws-access-key": "A key that never expires and works from anywhere. IRSA or Pod Identity needs none.",
    "acr-token": "A registry token with passwords. Workload identity needs none.",
    "google-key": "A key that never expires and works from anywhere. Workload identity needs none.",
}


def risks(stack: str, changes: list[Change], before: World, after: World) -> list[Risk]:
    """The dangers of one stack's changes, worst first."""
    around = surroundings(before, after)
    trusted = trusted_issuers(before)
    created = {change.urn for change in changes if change.op == "create"}
    found = [
        *(risk for change in changes for risk in _of_change(change, before, after, around, trusted)),
        *(
            _risk("data loss", change, why, value)
            for change in changes
            if change.op not in ("same", "read")
            for why, value in deletions(change, after, created)
        ),
        *_of_settings(stack, after),
    ]
    unique = list(dict.fromkeys(found))
    unique.sort(key=lambda risk: ORDER.index(risk.kind))
    return unique


def _of_change(
    change: Change, before: World, after: World, around: Surroundings, trusted: frozenset[str]
) -> Iterator[Risk]:
    if change.op in ("same", "read"):
        yield from _unprotected(change)
        return
    yield from _data_loss(change)
    yield from _unprotected(change)
    old, new = before.resources.get(change.urn), after.resources.get(change.urn)
    if new is None:
        return
    known = set(broad_access(before, old, around)) if old else set[tuple[str, str]]()
    for why, value in (*broad_access(after, new, around, old), *newly_trusted(new, old, trusted)):
        if (why, value) not in known:
            yield _risk("broad access", change, why, value)
    for why, value in loosened(new, old) if old else ():
        yield _risk("broad access", change, why, value)
    unread = set(not_understood(before, old)) if old else set[tuple[str, str]]()
    for why, value in not_understood(after, new):
        if (why, value) not in unread:
            yield _risk("not understood", change, why, value)
    if change.op in ("create", "import") and (made := TYPES.get(change.type)):
        yield _risk("static credentials", change, _CREDENTIALS[made.kind])
    if change.op == "create" and _in_secret(new):
        yield _risk(
            "static credentials",
            change,
            "A password or a key in a Secret: it stays valid until someone rotates it.",
        )
    if _has_admin(new) and not (old and _has_admin(old)):
        yield _risk(
            "static credentials", change, "The registry's admin user is switched on: one password for everything."
        )
    insecure = "Pushes go over plain http: whoever is on the way can replace images and read the password."
    if kubernetes.push_settings(new).get("INSECURE") == "true" and (
        old is None or kubernetes.push_settings(old).get("INSECURE") != "true"
    ):
        yield _risk("plain http", change, insecure)


def _in_secret(resource: Resource) -> bool:
    keys = [key for part in ("data", "stringData") for key in mapping(resource.value(part))]
    return resource.type in SECRETS and in_secret(resource.text("type") or "Opaque", keys)


def _has_admin(resource: Resource) -> bool:
    found = registries(resource.type, resource.name, resource.inputs)
    return any(properties.get("adminUserEnabled") is True for _, properties in found)


def _risk(kind: Kind, change: Change, why: str, value: str = "") -> Risk:
    return Risk(kind, change.stack, change.type, change.name, change.urn, why, mask_text(value))


def _data_loss(change: Change) -> Iterator[Risk]:
    consequence = _HOLDS_DATA.get(change.type)
    if consequence and change.op == "delete" and change.step.op == "refresh":
        yield _risk("data loss", change, "It is gone: someone has deleted it, with what was in it.")
        return
    if consequence and change.op in ("delete", "replace") and not change.kept_in_cloud:
        verb = "deleted" if change.op == "delete" else "replaced by a new, empty one"
        if change.type == "aws:ecr/repository:Repository" and not change.old_inputs.get("forceDelete"):
            consequence += " ECR refuses that while there are any, and the update stops there."
        yield _risk("data loss", change, f"It is {verb}. {consequence}")


# Input (with the path to it), the values that protect, and what is missing without them.
_PROTECTIONS: tuple[tuple[tuple[str | int, ...], tuple[Any, ...], str], ...] = (
    (
        ("imageTagMutability",),
        ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"),
        "Tags become mutable: an image can be replaced under its name.",
    ),
    (("dockerConfig", "immutableTags"), (True,), "Tags become mutable: an image can be replaced under its name."),
    (("imageScanningConfiguration", "scanOnPush"), (True,), "Pushed images are no longer scanned."),
    (("deletionPolicy",), ("PREVENT", "ABANDON"), "The cloud no longer refuses to delete it."),
    (
        # The mode has no typed input yet; it is set by a deployment of the same registry.
        ("properties", "template", "resources", 0, "properties", "roleAssignmentMode"),
        ("AbacRepositoryPermissions",),
        "Permissions now hold for every repository of the registry.",
    ),
    (("policies", "exportPolicy", "status"), ("disabled",), "Images may leave the registry by export."),
    (
        ("roleAssignmentMode",),
        ("AbacRepositoryPermissions",),
        "Permissions now hold for every repository of the registry.",
    ),
    (
        ("policies", "quarantinePolicy", "status"),
        ("enabled",),
        "Images are no longer held back until they are checked.",
    ),
    (("policies", "trustPolicy", "status"), ("enabled",), "Signed images are no longer asked for."),
    (("policies", "softDeletePolicy", "status"), ("enabled",), "Deleted images can no longer be restored."),
    (("publicNetworkAccess",), ("Disabled",), "The registry can be reached from the internet."),
    (("networkRuleSet", "defaultAction"), ("Deny",), "The registry can be reached from every network."),
    (("encryption", "status"), ("enabled",), "Images are no longer encrypted with the own key."),
    (("kmsKeyName",), (), "Images are no longer encrypted with the own key."),
    (("encryptionConfigurations",), (), "The repository's own encryption settings go."),
    (("permissionsBoundary",), (), "The identity's permissions no longer have a boundary."),
)


def _unprotected(change: Change) -> Iterator[Risk]:
    old, new = change.old, change.new
    if old is None or new is None or change.op == "delete":
        if old is not None and old.protect:
            yield _risk(
                "protection removed",
                change,
                "It is protected: the update will refuse to delete it until that is undone.",
            )
        return
    if old.protect and change.op == "replace":
        yield _risk(
            "protection removed", change, "It is protected: the update will refuse to replace it until that is undone."
        )
    if old.protect and not new.protect:
        yield _risk("protection removed", change, "Pulumi no longer refuses to delete it.")
    if old.retain_on_delete and not new.retain_on_delete:
        yield _risk("protection removed", change, "From now on it is really deleted when it leaves the stack.")
    if change.op == "same":
        return
    for path, protecting, why in _PROTECTIONS:
        was, becomes = at(change.old_inputs, *path), at(change.new_inputs, *path)
        held = was in protecting if protecting else was not in (None, "", [], {})
        holds = becomes in protecting if protecting else becomes not in (None, "", [], {})
        if held and not holds and not is_unknown(becomes):
            yield _risk("protection removed", change, why)
    for why, value in newly_mutable(change.old_inputs, change.new_inputs):
        yield _risk("protection removed", change, why, value)
    if at(change.new_inputs, "forceDelete") is True and at(change.old_inputs, "forceDelete") is not True:
        yield _risk("protection removed", change, "It can be deleted with the images that are in it.")


def _of_settings(stack: str, world: World) -> Iterator[Risk]:
    """What only the stack file has: it is marked every time, for it is in force every time."""
    registry = mapping(world.settings.get("registry"))
    if at(registry, "transport", "insecure") is True:
        yield Risk(
            "plain http",
            stack,
            "",
            "registry.transport.insecure",
            "",
            "The stack file allows plain http: whoever is on the way can replace images and read the password.",
        )
    if registry.get("authentication") == "none":
        yield Risk(
            "static credentials",
            stack,
            "",
            "registry.authentication",
            "",
            "The registry asks for no authentication: whoever reaches it can replace images.",
        )
