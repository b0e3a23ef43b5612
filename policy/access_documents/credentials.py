"""Credentials that do not expire by themselves, by the types of the resources that make them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StaticCredential:
    """``kind`` is the word of the pack's list of exceptions, ``owner`` the input that names whose it is."""

    kind: str
    owner: str
    words: str


TYPES: Final[Mapping[str, StaticCredential]] = {
    "aws:iam/accessKey:AccessKey": StaticCredential("aws-access-key", "user", "an access key of the IAM user"),
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": StaticCredential(
        "aws-access-key", "userName", "a password of the IAM user"
    ),
    "azure-native:containerregistry:Token": StaticCredential("acr-token", "tokenName", "the registry token"),
    "gcp:serviceaccount/key:Key": StaticCredential("google-key", "serviceAccountId", "a key of the service account"),
}
SECRETS: Final = ("kubernetes:core/v1:Secret", "kubernetes:core/v1:SecretPatch")
_SECRET_TYPES: Final = (
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/dockercfg",
    "kubernetes.io/basic-auth",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/service-account-token",
    "Opaque",
)


def in_secret(type_: str, keys: Collection[str]) -> bool:
    """Whether a Kubernetes Secret of ``type_``, with these keys or unknown ones, holds credentials.

    Certificates are no secrets: Mendix takes its CA bundles as Secrets.
    """
    if type_ not in _SECRET_TYPES:
        return False
    return not keys or any(not key.endswith((".crt", ".pem")) or "key" in key for key in keys)
