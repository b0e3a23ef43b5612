"""Credentials that do not expire by themselves: keys, passwords, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from access_documents.azure import plain_type, registries
from access_documents.credentials import SECRETS, TYPES, in_secret

from .rule import Finding, Resource, Rule, is_known, is_listed, mapping, strings


def _holds_credentials(resource: Resource) -> bool:
    keys = [key for part in ("data", "stringData") for key in mapping(resource.inputs.get(part))]
    return in_secret(resource.inputs.get("type", "Opaque"), keys)


def _secret_name(resource: Resource) -> str:
    """``NAMESPACE/NAME``. Before its first update a new namespace has no name yet; then it matters only if the list decides."""
    metadata = mapping(resource.inputs.get("metadata"))
    name = str(metadata.get("name", resource.name))
    decisive = any(fnmatchcase(name, pattern.partition("/")[2] or "*") for pattern in resource.listed("allowed"))
    if not decisive and not is_known(metadata, "namespace"):
        return f"(a new namespace)/{name}"
    return f"{metadata.get('namespace', 'default')}/{name}"


def _found(resource: Resource) -> Iterator[tuple[str, str]]:
    """Each static credential as ``kind:name`` and in words."""
    kind = plain_type(resource.type)
    if made := TYPES.get(kind):
        name = str(resource.inputs.get(made.owner, resource.name))
        yield f"{made.kind}:{name}", f"{made.words} {name}"
    elif kind in SECRETS and _holds_credentials(resource):
        name = _secret_name(resource)
        yield f"secret:{name}", f"the Secret {name} with a password or a key"
    for name, properties in registries(resource.type, resource.name, resource.inputs):
        if properties.get("adminUserEnabled"):
            yield f"acr-admin:{name}", f"the admin user of the registry {name}"


def _check(resource: Resource) -> Iterator[Finding]:
    for entry, words in _found(resource):
        if not is_listed(entry, resource.listed("allowed")):
            yield Finding(
                f"{resource.name} makes {words}, which is valid until someone deletes it.",
                f"use the cloud's workload identity for this namespace; where that is not possible, add {entry} to the rule's "
                "list allowed in the pack's configuration.",
            )


NO_STATIC_CREDENTIALS = Rule(
    name="no-static-credentials",
    title="No static credentials outside the list",
    description=(
        "Builds authenticate by tokens that expire: a static credential that leaks from a backup or a log pushes images until "
        "someone notices. Exceptions are listed, so that someone decided each of them."
    ),
    remedy="Use workload identity, or list the credential.",
    check=_check,
    severity="high",
    settings={
        "allowed": strings(
            "static credentials that may exist, as kind:name with * for any text: aws-access-key:USER, acr-admin:REGISTRY, "
            "acr-token:TOKEN, google-key:ACCOUNT, secret:NAMESPACE/NAME"
        )
    },
)
