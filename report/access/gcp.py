"""Access in Google Cloud: workload identity bindings and what members may do in Artifact Registry repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from access_documents.google import ACTING_ROLES, DIRECT, ROLES, WORKLOAD, registry_host
from report.access.facts import EVERY_REPOSITORY, ITSELF, NOT_KNOWN, Facts, Permission, Trust
from report.access.world import Resource, World
from report.values import at, document, listing, mapping, text, texts

ACCOUNT: Final = "gcp:serviceaccount/account:Account"
REPOSITORY: Final = "gcp:artifactregistry/repository:Repository"
REPOSITORY_MEMBERS: Final = (
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding",
    "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
)
PROJECT_MEMBERS: Final = (
    "gcp:projects/iAMMember:IAMMember",
    "gcp:projects/iAMBinding:IAMBinding",
    "gcp:projects/iAMPolicy:IAMPolicy",
)
ACCOUNT_MEMBERS: Final = (
    "gcp:serviceaccount/iAMMember:IAMMember",
    "gcp:serviceaccount/iAMBinding:IAMBinding",
    "gcp:serviceaccount/iAMPolicy:IAMPolicy",
)
KEY: Final = "gcp:serviceaccount/key:Key"

_NAMESPACE = re.compile(r"^principalSet:.*/workloadIdentityPools/([^/]+)/namespace/([^/]+)$")


def facts(world: World) -> Facts:
    """What the Google resources of one side mean."""
    return Facts(tuple(_trusts(world)), tuple(_permissions(world)))


@dataclass(frozen=True, slots=True)
class Bound:
    """A role and who has it, under a condition of Google's expression language, empty for none."""

    role: str
    members: tuple[str, ...]
    condition: str = ""


def bindings(resource: Resource) -> list[Bound]:
    """What an IAM member, a binding or a whole policy grants."""
    if document(resource.value("policyData")) is None:
        named = texts(resource.value("member")) + texts(resource.value("members"))
        return [Bound(resource.text("role"), tuple(named), _expression(resource.value("condition")))]
    return [
        Bound(text(at(entry, "role")), tuple(texts(at(entry, "members"))), _expression(at(entry, "condition")))
        for entry in listing(at(document(resource.value("policyData")), "bindings"))
    ]


def members(resource: Resource) -> list[str]:
    """Everyone whom an IAM member, a binding or a whole policy names."""
    return [member for bound in bindings(resource) for member in bound.members]


def _expression(condition: Any) -> str:
    return text(mapping(condition).get("expression"))


def pools(named: list[str]) -> set[str]:
    """The workload identity pools that members are ServiceAccounts of."""
    found = [WORKLOAD.fullmatch(member) or DIRECT.fullmatch(member) or _NAMESPACE.search(member) for member in named]
    return {match[1] for match in found if match}


def _trusts(world: World) -> Iterator[Trust]:
    for binding in world.of(*ACCOUNT_MEMBERS):
        literal = binding.text("serviceAccountId").rsplit("/", 1)[-1]
        account = world.referred(binding, "serviceAccountId", ACCOUNT) or world.by_text(ACCOUNT, literal)
        key = account.urn if account else f"serviceAccount:{literal}"
        for member in [each for bound in bindings(binding) if bound.role in ACTING_ROLES for each in bound.members]:
            match = WORKLOAD.fullmatch(member)
            pool, namespace, name = match.groups() if match else ("", member, "")
            how = "Google service account (workload identity)"
            yield Trust(key, _email(account) if account else literal or NOT_KNOWN, pool, namespace, name, how)
    for member in {each for held in world.of(*REPOSITORY_MEMBERS, *PROJECT_MEMBERS) for each in members(held)}:
        if match := DIRECT.fullmatch(member):
            yield Trust(member, ITSELF, match[1], match[2], match[3], "itself (workload identity, direct)")
        elif match := _NAMESPACE.search(member):
            yield Trust(member, ITSELF, match[1], match[2], "*", "itself (workload identity, direct)")
    for secret in world.of("kubernetes:core/v1:Secret"):
        for prop in ("data", "stringData"):
            for key in world.sources(secret, prop, KEY):
                account = world.referred(key, "serviceAccountId", ACCOUNT)
                shown = _email(account) if account else key.text("serviceAccountId") or NOT_KNOWN
                how = f"Google service account, key in Secret {secret.object_name}"
                yield Trust(account.urn if account else f"serviceAccount:{shown}", shown, "", secret.namespace, "", how)


def _permissions(world: World) -> Iterator[Permission]:
    for binding in world.of(*REPOSITORY_MEMBERS):
        repository = world.referred(binding, "repository", REPOSITORY)
        host, name = _place(repository or binding, binding)
        yield from _granted(world, binding, host, name)
    for binding in world.of(*PROJECT_MEMBERS):
        yield from _granted(world, binding, binding.text("project"), EVERY_REPOSITORY)


def _granted(world: World, binding: Resource, host: str, name: str) -> Iterator[Permission]:
    for bound in bindings(binding):
        verbs = ROLES.get(bound.role, ())
        for key, shown in _holders(world, bound) if verbs else ():
            yield Permission(key, shown, host, name, verbs)
    known = members(binding)
    verbs = ROLES.get(binding.text("role"), () if binding.text("role") else (NOT_KNOWN,))
    for prop in () if known or not verbs else ("member", "members", "policyData"):
        # Not known yet, but whose account it comes from.
        for account in world.sources(binding, prop, ACCOUNT):
            yield Permission(account.urn, _email(account), host, name, verbs)


def _holders(world: World, bound: Bound) -> Iterator[tuple[str, str]]:
    for member in bound.members:
        account = world.by_text(ACCOUNT, member) or world.by_text(ACCOUNT, member.removeprefix("serviceAccount:"))
        if account:
            yield account.urn, _email(account)
        elif DIRECT.fullmatch(member) or _NAMESPACE.search(member):
            yield member, ITSELF
        else:
            yield member, member.removeprefix("serviceAccount:")


def _email(account: Resource) -> str:
    return account.text("email") or account.text("accountId") or account.name


def _place(repository: Resource, binding: Resource) -> tuple[str, str]:
    location = repository.text("location") or binding.text("location")
    project = repository.text("project") or binding.text("project")
    name = repository.text("repositoryId") or repository.text("repository").rsplit("/", 1)[-1] or NOT_KNOWN
    if name == "gcr.io" or name.endswith(".gcr.io"):
        # The names of the former Container Registry: the project follows the host.
        return name, project or EVERY_REPOSITORY
    host = registry_host(location) if location else ""
    return host, f"{project}/{name}" if project else name
