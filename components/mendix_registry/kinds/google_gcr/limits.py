"""What stacks with Google Artifact Registry share: the project's limits, and repositories with their policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

from mendix_registry.kinds.google_gcr.settings import GoogleRegistry, WorkloadIdentity
from mendix_registry.settings.limits import (
    SEPARATE_STACK,
    Amount,
    Limits,
    Owned,
    Rate,
    Shared,
    created_twice,
    same_names,
)
from mendix_registry.settings.references import NAMESPACE_PLACEHOLDER
from mendix_registry.settings.stack import Settings

MAXIMUM_PRINCIPALS = 1500
"""Principals in the policy of one resource; each occurrence counts (discovery document ``iam.v1``)."""


def _amounts(stacks: Sequence[Settings], _: Counter[str]) -> Iterator[Amount]:
    principals: Counter[str] = Counter()
    accounts: dict[str, set[str]] = {}
    for settings in stacks:
        registry = cast("GoogleRegistry", settings.registry)
        method = registry.authentication
        pushers: set[tuple[str, str]] = set()
        for namespace in settings.namespaces:
            address = registry.address(settings.repository(namespace))
            pusher = namespace.name
            if isinstance(method, WorkloadIdentity):
                pusher = method.account(namespace.name)
                project = method.account_project(namespace.name) or registry.home_project or ""
                if not method.existing:
                    accounts.setdefault(project, set()).add(pusher)
            if address is not None:
                pushers.add((address.name, pusher))
        principals.update(repository for repository, _ in pushers)
    first = cast("GoogleRegistry", stacks[0].registry)
    quota = first.authentication.service_account_quota if isinstance(first.authentication, WorkloadIdentity) else 0
    for project, names in sorted(accounts.items()):
        yield Amount(
            f"service accounts in the project {project}",
            len(names),
            quota,
            ("authentication", "serviceAccountQuota"),
            "choose method: direct, which needs none; or set shards, with {stack} in serviceAccount; or have the quota raised and "
            "write it as serviceAccountQuota",
        )
    repository, count = max(principals.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    if count > 1:
        yield Amount(
            f"principals in the policy of the repository {repository.rpartition('/')[2]}",
            count + len(set(first.node_service_accounts)),
            MAXIMUM_PRINCIPALS,
            ("repository",),
            "spread the namespaces over several repositories, such as one for each stack: put {stack} into the repository",
        )


def _shared(registry: GoogleRegistry) -> Iterator[Shared]:
    method = registry.authentication
    if not isinstance(method, WorkloadIdentity):
        return
    if method.shards:
        yield same_names(("authentication", "serviceAccount"), "service accounts", "builder-{stack}-{shard}")
    if method.import_ and NAMESPACE_PLACEHOLDER not in method.import_:
        yield Shared(
            ("authentication", "import"),
            "every stack would take over the same service account",
            "a resource belongs to one stack",
            f"take it over {SEPARATE_STACK}, and give it here as existing",
        )


def _owned(settings: Settings, registry: GoogleRegistry) -> Iterator[Owned]:
    addresses = dict.fromkeys(registry.address(settings.repository(namespace)) for namespace in settings.namespaces)
    for address in filter(None, addresses):
        if not registry.artifact_registry.existing:
            yield created_twice(address.name, "artifactRegistry.existing: true")
        elif registry.node_service_accounts:
            yield Owned(
                address.name,
                ("nodeServiceAccounts",),
                f"the nodes' right to read the repository {address.name} would be granted",
                "the first stack that is destroyed removes this for all",
                f"grant it {SEPARATE_STACK}, and remove the key",
            )


LIMITS = Limits(
    cloud="Google",
    rates=(
        # cloud.google.com/iam/quotas: 600 writes per minute.
        Rate("googleIamWritesPerMinute", "Google IAM writes per project", ("gcp:serviceaccount/",), 600, per=60),
        # cloud.google.com/artifact-registry/quotas: 18,000 writes per minute, project and location.
        Rate(
            "googleArtifactRegistryWritesPerMinute",
            "Artifact Registry writes per project and location",
            ("gcp:artifactregistry/",),
            18_000,
            per=60,
        ),
    ),
    amounts=_amounts,
    shared=_shared,
    owned=_owned,
)
