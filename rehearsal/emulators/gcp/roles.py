"""Google's predefined roles, as far as a registry and its identities need them.

Source: cloud.google.com/artifact-registry/docs/access-control and cloud.google.com/iam/docs/roles-permissions/iam.
"""

from __future__ import annotations

from collections.abc import Mapping

DOWNLOAD = "artifactregistry.repositories.downloadArtifacts"
UPLOAD = "artifactregistry.repositories.uploadArtifacts"
DELETE = "artifactregistry.repositories.deleteArtifacts"
GET_ACCESS_TOKEN = "iam.serviceAccounts.getAccessToken"  # noqa: S105 - a permission's name

_AR = "artifactregistry.repositories."
_READER = frozenset({DOWNLOAD, f"{_AR}get", f"{_AR}list", f"{_AR}readViaVirtualRepository"})
_WRITER = _READER | {UPLOAD}
_REPOSITORY_ADMIN = _WRITER | {DELETE}
_ADMIN = _REPOSITORY_ADMIN | {f"{_AR}{verb}" for verb in ("create", "delete", "update", "getIamPolicy", "setIamPolicy")}
_SA = "iam.serviceAccounts."
_USER = frozenset({GET_ACCESS_TOKEN, f"{_SA}getOpenIdToken", f"{_SA}get", f"{_SA}list"})
_SA_ADMIN = frozenset(
    f"{_SA}{verb}"
    for verb in ("create", "delete", "disable", "enable", "get", "getIamPolicy", "list", "setIamPolicy", "update")
)

ROLES: Mapping[str, frozenset[str]] = {
    "roles/artifactregistry.reader": _READER,
    "roles/artifactregistry.writer": _WRITER,
    "roles/artifactregistry.createOnPushWriter": _WRITER | {f"{_AR}createOnPush"},
    "roles/artifactregistry.repoAdmin": _REPOSITORY_ADMIN,
    "roles/artifactregistry.createOnPushRepoAdmin": _REPOSITORY_ADMIN | {f"{_AR}createOnPush"},
    "roles/artifactregistry.admin": _ADMIN,
    "roles/iam.workloadIdentityUser": _USER,
    "roles/iam.serviceAccountTokenCreator": _USER | {f"{_SA}implicitDelegation", f"{_SA}signBlob", f"{_SA}signJwt"},
    "roles/iam.serviceAccountUser": frozenset({f"{_SA}actAs", f"{_SA}get", f"{_SA}list"}),
    "roles/iam.serviceAccountAdmin": _SA_ADMIN,
    "roles/viewer": _READER | {f"{_SA}get", f"{_SA}list"},
    "roles/editor": _REPOSITORY_ADMIN | {f"{_AR}create", f"{_AR}delete", f"{_AR}update", f"{_SA}get", f"{_SA}list"},
    "roles/owner": _ADMIN | _SA_ADMIN,
}
