"""What the account holds, read from moto for the decisions: roles, users, their policies, repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import unquote

from moto.ecr.models import ecr_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends

from rehearsal.emulators.aws.calls import ApiCall
from rehearsal.emulators.aws.policy import Document


@dataclass(frozen=True, slots=True)
class Identity:
    """A role or user with the documents with what it may do, each with the name to call it by.

    ``trust`` is a role's trust policy, None for a user.
    """

    kind: str
    name: str
    arn: str
    unique_id: str
    policies: tuple[tuple[str, Document], ...]
    boundary: tuple[str, Document] | None = None
    trust: Document | None = None
    tags: Mapping[str, str] | None = None
    longest_session: int = 3600


@dataclass(frozen=True, slots=True)
class Repository:
    """An ECR repository as pushes and pulls see it."""

    name: str
    arn: str
    policy: Document | None
    mutability: str
    exclusions: tuple[str, ...]
    digests: Mapping[str, str]
    """Tag to digest."""


class Directory:
    """The account in its present state. Not thread-safe by itself: callers hold ``store.LOCK``."""

    def __init__(self, account: str, partition: str) -> None:
        self.account, self.partition = account, partition

    @property
    def _iam(self) -> Any:
        return iam_backends[self.account][self.partition]

    def date(self, call: ApiCall, at: float) -> None:
        """Give what a call has created the time at which it was first made: moto takes the present when a journal
        is played again."""
        moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
        name = call.text("RoleName") or call.text("UserName")
        match call.operation:
            case "CreateRole":
                made = [role for role in self._iam.roles.values() if role.name == name]
            case "CreateUser":
                made = [self._iam.users[name]]
            case "CreateAccessKey":
                made = [self._iam.users[name].access_keys[-1]]
            case "CreatePolicy":
                made = [item for item in self._iam.managed_policies.values() if item.name == call.text("PolicyName")]
            case "CreateRepository":
                made = [ecr_backends[self.account][call.region].repositories[call.text("repositoryName")]]
            case _:
                return
        for item in made:
            setattr(item, "created_at" if call.service == "ecr" else "create_date", moment)

    def role(self, name: str) -> Identity | None:
        for role in self._iam.roles.values():
            if role.name == name:
                tags = {str(tag["Key"]): str(tag["Value"]) for tag in cast("list[dict[str, Any]]", role.tags or [])}
                trust = document(role.assume_role_policy_document)
                longest = int(role.max_session_duration or 3600)
                boundary = self._boundary(role.permissions_boundary_arn)
                return Identity("role", name, role.arn, role.id, _policies(role), boundary, trust, tags, longest)
        return None

    def role_by_arn(self, arn: str) -> Identity | None:
        found = self.role(arn.rpartition("/")[2])
        return found if found is not None and found.arn == arn else None

    def role_names(self) -> list[str]:
        return [role.name for role in self._iam.roles.values()]

    def user(self, name: str) -> Identity | None:
        user = self._iam.users.get(name)
        if user is None:
            return None
        boundary = self._boundary(getattr(user, "permissions_boundary_arn", None))
        return Identity("user", name, user.arn, user.id, _policies(user), boundary)

    def bound_user(self, name: str, arn: str) -> bool:
        """Set the permissions boundary of a user, or with an empty ``arn`` remove it; False where there is no such user."""
        user = self._iam.users.get(name)
        if user is None:
            return False
        user.permissions_boundary_arn = arn or None
        # The name under which moto looks for it when it describes a user.
        shape = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
        user.permissions_boundary = shape if arn else None
        return True

    def access_key(self, identity: str) -> tuple[str, str, bool] | None:
        """User name, secret and whether it is active, of an IAM user's access key."""
        for user in self._iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == identity:
                    return user.name, key.secret_access_key, key.status == "Active"
        return None

    def oidc_provider(self, issuer: str) -> tuple[str, tuple[str, ...]] | None:
        """ARN and client ids of the web identity provider for an issuer (with or without ``https://``)."""
        wanted = issuer.removeprefix("https://").rstrip("/")
        for arn, provider in self._iam.open_id_providers.items():
            if str(provider.url).removeprefix("https://").rstrip("/") == wanted:
                return arn, tuple(provider.client_id_list or ())
        return None

    def oidc_providers(self) -> int:
        return len(self._iam.open_id_providers)

    def repository(self, region: str, name: str) -> Repository | None:
        found = ecr_backends[self.account][region].repositories.get(name)
        if found is None:
            return None
        exclusions = tuple(item["filter"] for item in found.image_tag_mutability_exclusion_filters or [])
        digests = {tag: image.get_image_digest() for image in found.images for tag in image.image_tags if tag}
        policy = document(found.policy) if found.policy else None
        return Repository(name, found.arn, policy, found.image_tag_mutability, exclusions, digests)

    def cluster_arn(self, region: str, name: str) -> str | None:
        cluster = eks_backends[self.account][region].clusters.get(name)
        return None if cluster is None else str(cluster.arn)

    def managed_policy(self, arn: str) -> Document | None:
        policy = self._iam.managed_policies.get(arn)
        return None if policy is None else _default_version(policy)

    def _boundary(self, arn: str | None) -> tuple[str, Document] | None:
        if not arn:
            return None
        found = self.managed_policy(arn)
        # A boundary that is gone allows nothing.
        return f"the permissions boundary {arn}", found if found is not None else {"Statement": []}


def document(value: Any) -> Document:
    """A policy document in any of the forms moto keeps."""
    if isinstance(value, str):
        value = json.loads(unquote(value) if value.startswith("%") else value)
    return value


def _default_version(policy: Any) -> Document:
    return next(document(version.document) for version in policy.versions if version.is_default)


def _policies(owner: Any) -> tuple[tuple[str, Document], ...]:
    inline = [(f"the inline policy {name}", document(text)) for name, text in owner.policies.items()]
    managed = [(f"the policy {arn}", _default_version(item)) for arn, item in owner.managed_policies.items()]
    return (*inline, *managed)
