"""Credentials that do not expire by themselves: keys, passwords, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from .rule import Finding, Resource, Rule, acr_registries, is_known, is_listed, mapping, plain_type, strings

_CREDENTIAL_TYPES = (
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/service-account-token",
    "Opaque",
)
_RESOURCES = {
    "aws:iam/accessKey:AccessKey": ("aws-access-key", "user", "an access key of the IAM user"),
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": (
        "aws-access-key",
        "userName",
        "a password of the IAM user",
    ),
    "azure-native:containerregistry:Token": ("acr-token", "tokenName", "the registry token"),
    "gcp:serviceaccount/key:Key": ("google-key", "serviceAccountId", "a key of the service account"),
}


def _holds_credentials(resource: Resource) -> bool:
    """Whether a Secret holds more than certificates, which are no secrets: Mendix takes its CA bundles as Secrets."""
    if resource.inputs.get("type", "Opaque") not in _CREDENTIAL_TYPES:
        return False
    keys = [key for part in ("data", "stringData") for key in mapping(resource.inputs.get(part))]
    return not keys or any(not key.endswith((".crt", ".pem")) or "key" in key for key in keys)


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
    if kind in _RESOURCES:
        label, key, words = _RESOURCES[kind]
        name = str(resource.inputs.get(key, resource.name))
        yield f"{label}:{name}", f"{words} {name}"
    elif kind in ("kubernetes:core/v1:Secret", "kubernetes:core/v1:SecretPatch") and _holds_credentials(resource):
        name = _secret_name(resource)
        yield f"secret:{name}", f"the Secret {name} with a password or a key"
    for name, properties in acr_registries(resource):
        if properties.get("adminUserEnabled"):
            yield f"acr-admin:{name}", f"the admin user of the registry {name}"


def _check(resource: Resource) -> Iterator[Finding]:
    for entry, words in _found(resource):
        if not is_listed(entry, resource.listed("allowed")):
            yield Finding(
                f"{resource.name} makes {words}, which is valid until someone deletes it.",
                f"use the cloud's workload identity for this namespace; where that is not possible, add {entry} to allowed.",
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
