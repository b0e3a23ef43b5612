"""Rules of the kind ``google-gcr`` about who pushes: service accounts, their names and number, the sizes of policies.

Sources: the discovery document ``iam.v1`` (ids of service accounts, 1,500 principals in a policy) and Google's page "IAM quotas"
(100 service accounts per project).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from mendix_registry.kinds.google_gcr.limits import MAXIMUM_PRINCIPALS
from mendix_registry.kinds.google_gcr.settings import Direct, GoogleRegistry, RepositoryAddress, WorkloadIdentity
from mendix_registry.kinds.google_gcr.values import ACCOUNT_ID, MINIMUM_ACCOUNT_ID, SHARD_PLACEHOLDER
from mendix_registry.settings.places import NAMESPACES, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import NAMESPACE_PLACEHOLDER
from mendix_registry.settings.stack import Settings

_Key = TypeVar("_Key")

AUTHENTICATION: Location = (*REGISTRY, "authentication")


def check(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """Every problem of the identities that push."""
    yield from _projects(registry)
    yield from _new_repositories(registry)
    if isinstance(registry.authentication, WorkloadIdentity):
        yield from _given(registry.authentication)
        yield from _pattern(settings, registry.authentication)
        yield from _accounts(settings, registry.authentication)
        yield from _annotation(settings)
    yield from _policies(settings, registry)


GAR033 = Rule(
    "GAR033",
    "each namespace has its own project, so none of them determines the cluster's workload identity pool",
    "who pushes is named within this pool",
    "add workloadPool: PROJECT.svc.id.goog, with the id of the cluster's project",
)
GAR034 = Rule(
    "GAR034",
    "each namespace has its own project, so none of them determines where service accounts are created",
    "",
    "add project, the id of the project that the service accounts belong to",
)


def _projects(registry: GoogleRegistry) -> Iterator[Problem]:
    """Where each namespace has its own project, none of them is the cluster's."""
    if registry.home_project is not None:
        return
    authentication = registry.authentication
    if authentication.workload_pool is None:
        yield GAR033.at((*AUTHENTICATION, "workloadPool"))
    if isinstance(authentication, WorkloadIdentity) and not authentication.project and not authentication.existing:
        yield GAR034.at((*AUTHENTICATION, "project"))


GAR035 = Rule(
    "GAR035",
    "grant is false, but the repositories are created by this stack",
    "only a permission on the whole project would allow the push, to every repository in it",
    "remove the key, or write artifactRegistry.existing: true where someone else creates them and grants access",
    Severity.WARNING,
)


def _new_repositories(registry: GoogleRegistry) -> Iterator[Problem]:
    """No one can have granted anything on a repository that is only created now."""
    repositories = registry.artifact_registry
    if not registry.authentication.grant and not (repositories.existing or repositories.import_):
        yield GAR035.at((*AUTHENTICATION, "grant"))


GAR036 = Rule(
    "GAR036",
    "the service account cannot both be kept as it is (existing) and taken over (import)",
    "",
    "remove one of the two keys",
)
GAR037 = Rule(
    "GAR037",
    "{key} has no effect beside {given}",
    "it names service accounts that this stack would create",
    "remove one of the two keys",
)
GAR038 = Rule(
    "GAR038",
    "{address} is one of Google's own service accounts",
    "only accounts of the form NAME@PROJECT.iam.gserviceaccount.com can be managed",
    "write existing instead of import, or name another account",
)
GAR039 = Rule(
    "GAR039",
    "a service account that this stack creates or takes over would be granted nothing",
    "no one else could have granted it anything before",
    "remove the key, or name the service account that has the permissions under existing",
)


def _given(authentication: WorkloadIdentity) -> Iterator[Problem]:
    """A service account that exists: either referred to or taken over, and nothing given that has no effect on it."""
    if authentication.existing and authentication.import_:
        yield GAR036.at((*AUTHENTICATION, "import"))
    given = "existing" if authentication.existing else "import" if authentication.import_ else None
    if given:
        for key, value in (("serviceAccount", authentication.service_account), ("shards", authentication.shards)):
            if value is not None:
                yield GAR037.at((*AUTHENTICATION, key), key=key, given=given)
    address = authentication.import_
    if address and not address.endswith(".iam.gserviceaccount.com"):
        yield GAR038.at((*AUTHENTICATION, "import"), address=address)
    if not authentication.grant and not authentication.existing:
        yield GAR039.at((*AUTHENTICATION, "grant"))


GAR040 = Rule(
    "GAR040",
    "{other} has no meaning {preposition} shards",
    "service accounts are created per shard if shards is given, else per namespace",
    "write {required} instead",
)
GAR041 = Rule(
    "GAR041",
    "{pattern!r} is one name for several service accounts",
    "an id is unique within the project",
    "put {required} into it; for one service account for all namespaces write shards: 1",
)
GAR042 = Rule(
    "GAR042",
    "{account!r}, the id of the service account for namespace {namespace!r}, is none that Google accepts",
    "it has 6 to 30 lower-case letters, digits and dashes, and begins with a letter",
    "write for example serviceAccount: mendix-{{namespace}}",
)


def _pattern(settings: Settings, authentication: WorkloadIdentity) -> Iterator[Problem]:
    """The ids of service accounts: each namespace (or shard) gets its own, and every id is one Google takes."""
    if authentication.existing or authentication.import_:
        return
    pattern = authentication.service_account
    at = (*AUTHENTICATION, "serviceAccount")
    if pattern is not None:
        required, other = NAMESPACE_PLACEHOLDER, SHARD_PLACEHOLDER
        if authentication.shards is not None:
            required, other = other, required
        if other in pattern:
            yield GAR040.at(
                at,
                other=other,
                preposition="with" if authentication.shards is not None else "without",
                required=required,
            )
            return
        several = authentication.shards > 1 if authentication.shards is not None else len(settings.namespaces) > 1
        if several and required not in pattern:
            yield GAR041.at(at, pattern=pattern, required=required)
            return
    for index, namespace in enumerate(settings.namespaces):
        account = authentication.account_id(namespace.name)
        if not ACCOUNT_ID.fullmatch(account) or len(account) < MINIMUM_ACCOUNT_ID:
            yield GAR042.at(
                at if pattern is not None else (*NAMESPACES, index, "name"), account=account, namespace=namespace.name
            )
            return


GAR043 = Rule(
    "GAR043",
    "{count} namespaces would share the service account {account!r}",
    "the hashes of their names meet, which is rarer than one in a million",
    "give serviceAccount another beginning, such as apps-{{namespace}}",
)
GAR044 = Rule(
    "GAR044",
    "{count} service accounts would be created; the project may have {quota}",
    "Google allows 100 in a project until it raises the quota on request",
    "add shards: {shards}, choose method: direct, which needs no service accounts, or have the quota raised and write it "
    "as serviceAccountQuota",
)


def _accounts(settings: Settings, authentication: WorkloadIdentity) -> Iterator[Problem]:
    """No two namespaces share a service account unless the stack file asks for it; no more accounts than the project may have."""
    if authentication.existing or authentication.import_:
        return
    users = Counter(authentication.account_id(name) for name in {n.name for n in settings.namespaces})
    if authentication.shards is None and authentication.service_account is None and max(users.values()) > 1:
        account, count = users.most_common(1)[0]
        yield GAR043.at((*AUTHENTICATION, "serviceAccount"), count=count, account=account)
    quota = authentication.service_account_quota
    if len(users) > quota:
        yield GAR044.at(
            (*AUTHENTICATION, "shards") if authentication.shards else AUTHENTICATION,
            count=len(users),
            quota=quota,
            shards=max(1, quota // 2),
        )


GAR045 = Rule(
    "GAR045",
    "ServiceAccount {name!r} is not created here, so it does not get the annotation iam.gke.io/gcp-service-account",
    "without it pods do not act as the Google service account, and the registry denies the push",
    "annotate it with the account's e-mail address, remove create: false, or choose method: direct",
    Severity.WARNING,
)


def _annotation(settings: Settings) -> Iterator[Problem]:
    for index, namespace in enumerate(settings.namespaces):
        if not namespace.service_account.create:
            name = namespace.service_account.name
            yield GAR045.at((*NAMESPACES, index, "serviceAccount", "create"), name=name)


GAR046 = Rule(
    "GAR046",
    "the policy of {repository} would hold {count} principals",
    f"Google allows {MAXIMUM_PRINCIPALS} in one policy",
    "spread the namespaces over several repositories (with {{namespace}} in the second part), or choose method: "
    "workload-identity with shards",
)
GAR047 = Rule(
    "GAR047",
    "the policy of service account {account} would hold {count} principals",
    f"Google allows {MAXIMUM_PRINCIPALS} in one policy",
    "write a higher number of shards",
)


def _policies(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """No policy gets more principals than it can hold: of a repository its writers and readers, of an account who may act as it."""
    authentication = registry.authentication
    writers: dict[RepositoryAddress, set[str]] = {}
    users: dict[str, set[str]] = {}
    for namespace in settings.namespaces:
        who = namespace.name if isinstance(authentication, Direct) else authentication.account(namespace.name)
        users.setdefault(who, set()).add(namespace.name)
        address = registry.address(settings.repository(namespace))
        if address is not None:
            writers.setdefault(address, set()).add(who)
    readers = len(set(registry.node_service_accounts))
    most = _largest(writers)
    if most and most[1] + readers > MAXIMUM_PRINCIPALS:
        yield GAR046.at((*REGISTRY, "repository"), repository=most[0].name, count=most[1] + readers)
    shared = _largest(users)
    if shared and shared[1] > MAXIMUM_PRINCIPALS:
        yield GAR047.at(AUTHENTICATION, account=shared[0], count=shared[1])


def _largest(groups: Mapping[_Key, set[str]]) -> tuple[_Key, int] | None:
    if not groups:
        return None
    key = max(groups, key=lambda group: len(groups[group]))
    return key, len(groups[key])
