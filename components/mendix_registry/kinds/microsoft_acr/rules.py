"""Rules of the kind ``microsoft-acr``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mendix_registry.kinds.microsoft_acr import pod_label_rules as azure_pod_label
from mendix_registry.kinds.microsoft_acr import registry_rules as azure_registry
from mendix_registry.kinds.microsoft_acr.limits import TOKENS
from mendix_registry.kinds.microsoft_acr.resource_ids import parse_resource_id
from mendix_registry.kinds.microsoft_acr.settings import (
    CREDENTIALS_PER_IDENTITY,
    MOST_SHARED,
    AdminAuthentication,
    AzureRegistry,
    TokenAuthentication,
    WorkloadIdentityAuthentication,
)
from mendix_registry.settings import copy_permission, image_name_template
from mendix_registry.settings.places import NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Severity
from mendix_registry.settings.references import NAME_LENGTH
from mendix_registry.settings.stack import Namespace, Settings
from mendix_registry.sharding import shard

AUTHENTICATION: Location = (*REGISTRY, "authentication")

CONDITION_LENGTH = 8192
"""Most characters of a role assignment's condition (role-based-access-control/troubleshoot-limits)."""

WITHOUT_CREDENTIALS = ("malaysiasouth", "newzealandnorth")
"""Regions in which user-assigned identities had no federated credentials (workload-identity-federation-considerations)."""


def check(settings: Settings, registry: AzureRegistry) -> Iterator[Problem]:
    """Every problem of a registry in Azure."""
    yield from azure_registry.check(registry)
    yield from _transport(registry)
    yield from _pull(registry)
    yield from _template(settings, registry)
    yield from _lengths(settings, registry)
    match registry.authentication:
        case WorkloadIdentityAuthentication() as authentication:
            yield from _workload_identity(settings, registry, authentication)
            yield from azure_pod_label.check(settings)
        case AdminAuthentication():
            yield from _admin(registry)
        case TokenAuthentication() as authentication:
            yield from _tokens(settings, registry, authentication)


def check_copy(
    settings: Settings, registry: AzureRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """Where repositories are permitted one by one, only the namespace's own is, and those below it where the stack file sets it."""
    if not registry.per_repository:
        return
    method = registry.authentication
    yield from copy_permission.repository_problems(
        namespace,
        settings.repository(namespace),
        repository,
        at,
        below=registry.include_subrepositories,
        key="registry.includeSubrepositories",
        foreign=isinstance(method, WorkloadIdentityAuthentication) and bool(method.existing or method.import_),
    )


def _transport(registry: AzureRegistry) -> Iterator[Problem]:
    """Azure serves https only."""
    if registry.transport.insecure is True:
        yield Problem(
            "ACR013",
            (*REGISTRY, "transport", "insecure"),
            "Azure Container Registry is reached by https only",
            "a token sent by plain http, or to an unverified server, can be used by whoever sees it",
            "remove insecure; give caCertificate where a proxy of yours terminates TLS",
        )


def _pull(registry: AzureRegistry) -> Iterator[Problem]:
    """How nodes pull, reported once."""
    if isinstance(registry.authentication, WorkloadIdentityAuthentication):
        if registry.link_to_default_service_account is not None:
            yield Problem(
                "ACR014",
                (*REGISTRY, "linkToDefaultServiceAccount"),
                "with workload identity there is no pull secret to link",
                "nodes pull with their kubelet identity",
                "remove the key; give kubeletObjectIds unless the cluster is attached already",
            )
    elif registry.link_to_default_service_account is False and not registry.kubelet_object_ids:
        yield Problem(
            "ACR015",
            (*REGISTRY, "linkToDefaultServiceAccount"),
            "this stack sets up no way for nodes to pull",
            "pods of the pushed images start only if the cluster is attached to the registry already",
            "add kubeletObjectIds, or make sure of 'az aks update --attach-acr'",
            Severity.WARNING,
        )


def _template(settings: Settings, registry: AzureRegistry) -> Iterator[Problem]:
    """The permission is for the namespace's repository; the template must stay in it."""
    template = settings.operator_configuration.image_name_template
    at = (*OPERATOR, "imageNameTemplate")
    if template is None or settings.operator_configuration.adopt == "none" or not registry.per_repository:
        return
    for namespace in settings.namespaces:
        filled = settings.image_name_template(namespace) or ""
        if any(image_name_template.syntax_problems(filled, at)):
            return
        permitted = settings.repository(namespace)
        for values in image_name_template.DOCUMENTED:
            repository = image_name_template.render(filled, values).repository
            if repository == permitted:
                continue
            below = repository.startswith(f"{permitted}/")
            if not (below and registry.include_subrepositories):
                yield Problem(
                    "ACR016",
                    at,
                    f"builds of namespace {namespace.name!r} would push to {repository!r}, but may push to {permitted!r} only",
                    "the registry denies the push",
                    "add registry.includeSubrepositories: true"
                    if below
                    else "begin the template with {repository}, as in {repository}:{{.Name}}-{{.Timestamp}}",
                )
                return


def _lengths(settings: Settings, registry: AzureRegistry) -> Iterator[Problem]:
    """Host and repository together, as far as the host is known: it begins with the registry's name."""
    given = registry.existing or registry.import_
    name = registry.name or (parse_resource_id(given).name if given else "")
    least = len(registry.login_server or f"{name}.azurecr.io") + 1
    for index, namespace in enumerate(settings.namespaces):
        repository = settings.repository(namespace)
        # One that is too long without the host is reported already.
        if least + len(repository) > NAME_LENGTH >= 1 + len(repository) and not registry.login_server:
            yield Problem(
                "ACR017",
                (*NAMESPACES, index, "repository") if namespace.repository else (*REGISTRY, "repository"),
                f"host and repository of namespace {namespace.name!r} have at least {least + len(repository)} characters",
                f"an image name has at most {NAME_LENGTH}",
                "shorten the repository",
            )


def _workload_identity(
    settings: Settings, registry: AzureRegistry, authentication: WorkloadIdentityAuthentication
) -> Iterator[Problem]:
    choices = [key for key in ("existing", "import_", "shared_identities") if getattr(authentication, key) is not None]
    names = {"existing": "existing", "import_": "import", "shared_identities": "sharedIdentities"}
    for key in choices[1:]:
        yield Problem(
            "ACR018",
            (*AUTHENTICATION, names[key]),
            f"{names[choices[0]]} and {names[key]} contradict each other",
            "either one given identity serves all namespaces, or this stack makes them",
            f"keep one of {names[choices[0]]} and {names[key]}",
        )
    for index, url in enumerate(authentication.issuer_urls):
        if url in authentication.issuer_urls[:index]:
            yield Problem(
                "ACR019",
                (*AUTHENTICATION, "issuerUrls", index),
                f"the issuer {url} is listed twice",
                "Azure refuses a second credential for one issuer and subject",
                "remove one of them",
            )
    for index, namespace in enumerate(settings.namespaces):
        if not namespace.service_account.create:
            yield Problem(
                "ACR020",
                (*NAMESPACES, index, "serviceAccount", "create"),
                f"ServiceAccount {namespace.service_account.name!r} of namespace {namespace.name!r} exists, so this stack "
                "does not annotate it",
                "Azure's webhook takes the identity from its annotations",
                "annotate it with azure.workload.identity/client-id and …/tenant-id, or let this stack create it",
                Severity.WARNING,
            )
    place = authentication.location or registry.location or ""
    if place.replace(" ", "").lower() in WITHOUT_CREDENTIALS and not authentication.existing:
        yield Problem(
            "ACR021",
            (*AUTHENTICATION, "location") if authentication.location else (*REGISTRY, "location"),
            f"identities in {place} had no federated credentials when this was written",
            "Azure would refuse to create them; the identities may be in another region than registry and cluster",
            "add registry.authentication.location, or try whether Azure has caught up",
            Severity.WARNING,
        )
    yield from _sharing(settings, registry, authentication)


def _sharing(
    settings: Settings, registry: AzureRegistry, authentication: WorkloadIdentityAuthentication
) -> Iterator[Problem]:
    """No identity gets more credentials, and no role assignment a longer condition, than Azure takes."""
    issuers = len(authentication.issuer_urls)
    given = authentication.existing or authentication.import_
    count = 1 if given else authentication.shared_identities
    if count is None:
        if issuers > CREDENTIALS_PER_IDENTITY:
            yield Problem(
                "ACR022",
                (*AUTHENTICATION, "issuerUrls"),
                f"{issuers} issuers are listed",
                f"an identity trusts at most {CREDENTIALS_PER_IDENTITY}",
                "give each group of clusters its own stack",
            )
        return
    key = ("import" if authentication.import_ else "existing") if given else "sharedIdentities"
    at = (*AUTHENTICATION, key)
    members = Counter(shard(namespace.name, count) for namespace in settings.namespaces)
    number, most = members.most_common(1)[0]
    if most * issuers > CREDENTIALS_PER_IDENTITY:
        total = len(settings.namespaces) * issuers
        yield Problem(
            "ACR023",
            at,
            f"identity {number + 1} of {count} would have {most * issuers} federated credentials",
            f"Azure takes {CREDENTIALS_PER_IDENTITY}; namespaces are spread by a hash, so that none moves when another comes",
            f"remove {key} to give each of the {total} namespaces and clusters its own"
            if given
            else f"write sharedIdentities: {_enough(settings, issuers) or 'more'}, or remove it to give each namespace its own",
        )
    if registry.abac:
        # One principal has one assignment of a role at a scope, so its condition lists every repository.
        lengths: Counter[int] = Counter()
        for namespace in settings.namespaces:
            per = 2 if registry.include_subrepositories else 1
            lengths[shard(namespace.name, count)] += per * (len(settings.repository(namespace)) + 110)
        longest = max(lengths.values()) + 500
        if longest > CONDITION_LENGTH:
            yield Problem(
                "ACR024",
                at,
                f"an identity's condition would list repositories in about {longest} characters",
                f"Azure takes {CONDITION_LENGTH}",
                "share identities among fewer namespaces, or shorten the repositories",
            )
        if most > 1:
            yield Problem(
                "ACR025",
                at,
                "namespaces that share an identity may push to each other's repositories",
                "Azure knows them as one",
                f"remove {key} to give each namespace its own identity",
                Severity.WARNING,
            )


def _enough(settings: Settings, issuers: int) -> int | None:
    """A number of identities with which none has too many credentials, not far from the fewest."""
    count = -(-len(settings.namespaces) * issuers // CREDENTIALS_PER_IDENTITY)
    while count <= MOST_SHARED:
        members = Counter(shard(namespace.name, count) for namespace in settings.namespaces)
        if max(members.values()) * issuers <= CREDENTIALS_PER_IDENTITY:
            return count
        # Each try hashes all namespaces: a few steps, not a hundred.
        count += 1 + count // 8
    return None


def _admin(registry: AzureRegistry) -> Iterator[Problem]:
    yield Problem(
        "ACR026",
        (*AUTHENTICATION, "method"),
        "the admin user may push, pull and delete everything in the registry",
        "one password serves all namespaces, and nothing shows who used it",
        "use workload-identity, or token for an Operator older than 2.13",
        Severity.WARNING,
    )


def _tokens(settings: Settings, registry: AzureRegistry, authentication: TokenAuthentication) -> Iterator[Problem]:
    names = {namespace.name for namespace in settings.namespaces}
    at = (*AUTHENTICATION, "passwords")
    for name in authentication.passwords:
        if name not in names:
            yield Problem(
                "ACR027",
                (*at, name),
                f"there is no namespace {name!r} in this stack",
                "the password would have no effect",
                "correct the name, or remove the entry",
            )
    for name in sorted(names - authentication.passwords.keys()):
        yield Problem(
            "ACR028",
            (*at, name),
            f"the password of namespace {name!r} is missing",
            "builds there could not push",
            f"add it, or for a namespace whose token does not exist yet '{name}: pending'",
        )
    for name, password in authentication.passwords.items():
        if password == "pending" and name in names:  # noqa: S105 - the word that means there is none
            yield Problem(
                "ACR029",
                (*at, name),
                f"namespace {name!r} has no password yet, so no pull secret is made there and no push is proved",
                "Azure shows a token's password only to whoever generates it, and the token must exist before",
                f"after this update run 'az acr token credential generate --name {authentication.token_name(name)} "
                "--password1 --registry …', put the password here and run again",
                Severity.WARNING,
            )
    limit = TOKENS[registry.sku]
    if len(names) > limit:
        yield Problem(
            "ACR030",
            (*REGISTRY, "sku"),
            f"{len(names)} namespaces need {len(names)} tokens",
            f"a registry of the tier {registry.sku} has at most {limit}",
            "choose a higher tier, or workload-identity",
        )
