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
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
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


ACR013 = Rule(
    "ACR013",
    "Azure Container Registry is reached by https only",
    "a token sent by plain http, or to an unverified server, can be used by whoever sees it",
    "remove insecure; give caCertificate where a proxy of yours terminates TLS",
)


def _transport(registry: AzureRegistry) -> Iterator[Problem]:
    """Azure serves https only."""
    if registry.transport.insecure is True:
        yield ACR013.at((*REGISTRY, "transport", "insecure"))


ACR014 = Rule(
    "ACR014",
    "with workload identity there is no pull secret to link",
    "nodes pull with their kubelet identity",
    "remove the key; give kubeletObjectIds unless the cluster is attached already",
)
ACR015 = Rule(
    "ACR015",
    "this stack sets up no way for nodes to pull",
    "pods of the pushed images start only if the cluster is attached to the registry already",
    "add kubeletObjectIds, or make sure of 'az aks update --attach-acr'",
    Severity.WARNING,
)


def _pull(registry: AzureRegistry) -> Iterator[Problem]:
    """How nodes pull, reported once."""
    if isinstance(registry.authentication, WorkloadIdentityAuthentication):
        if registry.link_to_default_service_account is not None:
            yield ACR014.at((*REGISTRY, "linkToDefaultServiceAccount"))
    elif registry.link_to_default_service_account is False and not registry.kubelet_object_ids:
        yield ACR015.at((*REGISTRY, "linkToDefaultServiceAccount"))


ACR016 = Rule(
    "ACR016",
    "builds of namespace {namespace!r} would push to {repository!r}, but may push to {permitted!r} only",
    "the registry denies the push",
    "begin the template with {{repository}}, as in {{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}; to push below "
    "{{repository}}/ add registry.includeSubrepositories: true",
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
                yield ACR016.at(at, namespace=namespace.name, repository=repository, permitted=permitted)
                return


ACR017 = Rule(
    "ACR017",
    "host and repository of namespace {namespace!r} have at least {length} characters",
    f"an image name has at most {NAME_LENGTH}",
    "shorten the repository",
)


def _lengths(settings: Settings, registry: AzureRegistry) -> Iterator[Problem]:
    """Host and repository together, as far as the host is known: it begins with the registry's name."""
    given = registry.existing or registry.import_
    name = registry.name or (parse_resource_id(given).name if given else "")
    least = len(registry.login_server or f"{name}.azurecr.io") + 1
    for index, namespace in enumerate(settings.namespaces):
        repository = settings.repository(namespace)
        # One that is too long without the host is reported already.
        if least + len(repository) > NAME_LENGTH >= 1 + len(repository) and not registry.login_server:
            yield ACR017.at(
                (*NAMESPACES, index, "repository") if namespace.repository else (*REGISTRY, "repository"),
                namespace=namespace.name,
                length=least + len(repository),
            )


ACR018 = Rule(
    "ACR018",
    "{first} and {key} contradict each other",
    "either one given identity serves all namespaces, or this stack creates them",
    "keep one of {first} and {key}",
)
ACR019 = Rule(
    "ACR019",
    "the issuer {url} is listed twice",
    "Azure rejects a second credential for one issuer and subject",
    "remove one of them",
)
ACR020 = Rule(
    "ACR020",
    "ServiceAccount {account!r} of namespace {namespace!r} exists, so this stack does not annotate it",
    "Azure's webhook takes the identity from its annotations",
    "annotate it with azure.workload.identity/client-id and …/tenant-id, or let this stack create it",
    Severity.WARNING,
)
ACR021 = Rule(
    "ACR021",
    "identities in {place} had no federated credentials when this was written",
    "Azure would not create them; the identities may be in another region than registry and cluster",
    "add registry.authentication.location, or try whether Azure has caught up",
    Severity.WARNING,
)


def _workload_identity(
    settings: Settings, registry: AzureRegistry, authentication: WorkloadIdentityAuthentication
) -> Iterator[Problem]:
    choices = [key for key in ("existing", "import_", "shared_identities") if getattr(authentication, key) is not None]
    names = {"existing": "existing", "import_": "import", "shared_identities": "sharedIdentities"}
    for key in choices[1:]:
        yield ACR018.at((*AUTHENTICATION, names[key]), first=names[choices[0]], key=names[key])
    for index, url in enumerate(authentication.issuer_urls):
        if url in authentication.issuer_urls[:index]:
            yield ACR019.at((*AUTHENTICATION, "issuerUrls", index), url=url)
    for index, namespace in enumerate(settings.namespaces):
        if not namespace.service_account.create:
            yield ACR020.at(
                (*NAMESPACES, index, "serviceAccount", "create"),
                account=namespace.service_account.name,
                namespace=namespace.name,
            )
    place = authentication.location or registry.location or ""
    if place.replace(" ", "").lower() in WITHOUT_CREDENTIALS and not authentication.existing:
        yield ACR021.at(
            (*AUTHENTICATION, "location") if authentication.location else (*REGISTRY, "location"), place=place
        )
    yield from _sharing(settings, registry, authentication)


ACR022 = Rule(
    "ACR022",
    "{count} issuers are listed",
    f"an identity trusts at most {CREDENTIALS_PER_IDENTITY}",
    "give each group of clusters its own stack",
)
ACR023 = Rule(
    "ACR023",
    "identity {number} of {count} would have {credentials} federated credentials",
    f"Azure accepts {CREDENTIALS_PER_IDENTITY}; namespaces are spread by a hash, so that none moves when another comes",
    "remove {key} to give each namespace its own identity{or_else}",
)
ACR024 = Rule(
    "ACR024",
    "an identity's condition would list repositories in about {length} characters",
    f"Azure accepts {CONDITION_LENGTH}",
    "share identities among fewer namespaces, or shorten the repositories",
)
ACR025 = Rule(
    "ACR025",
    "namespaces that share an identity may push to each other's repositories",
    "Azure knows them as one",
    "remove {key} to give each namespace its own identity",
    Severity.WARNING,
)


def _sharing(
    settings: Settings, registry: AzureRegistry, authentication: WorkloadIdentityAuthentication
) -> Iterator[Problem]:
    """No identity gets more credentials, and no role assignment a longer condition, than Azure takes."""
    issuers = len(authentication.issuer_urls)
    given = authentication.existing or authentication.import_
    count = 1 if given else authentication.shared_identities
    if count is None:
        if issuers > CREDENTIALS_PER_IDENTITY:
            yield ACR022.at((*AUTHENTICATION, "issuerUrls"), count=issuers)
        return
    key = ("import" if authentication.import_ else "existing") if given else "sharedIdentities"
    at = (*AUTHENTICATION, key)
    members = Counter(shard(namespace.name, count) for namespace in settings.namespaces)
    number, most = members.most_common(1)[0]
    if most * issuers > CREDENTIALS_PER_IDENTITY:
        enough = None if given else _enough(settings, issuers)
        or_else = f", or write sharedIdentities: {enough}" if enough else ""
        yield ACR023.at(
            at,
            number=number + 1,
            count=count,
            credentials=most * issuers,
            key=key,
            or_else=or_else,
        )
    if registry.abac:
        # One principal has one assignment of a role at a scope, so its condition lists every repository.
        lengths: Counter[int] = Counter()
        for namespace in settings.namespaces:
            per = 2 if registry.include_subrepositories else 1
            lengths[shard(namespace.name, count)] += per * (len(settings.repository(namespace)) + 110)
        longest = max(lengths.values()) + 500
        if longest > CONDITION_LENGTH:
            yield ACR024.at(at, length=longest)
        if most > 1:
            yield ACR025.at(at, key=key)


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


ACR026 = Rule(
    "ACR026",
    "the admin user may push, pull and delete everything in the registry",
    "one password serves all namespaces, and nothing shows who used it",
    "use workload-identity, or token for an Operator older than 2.13",
    Severity.WARNING,
)


def _admin(registry: AzureRegistry) -> Iterator[Problem]:
    yield ACR026.at((*AUTHENTICATION, "method"))


ACR027 = Rule(
    "ACR027",
    "there is no namespace {name!r} in this stack",
    "the password would have no effect",
    "correct the name, or remove the entry",
)
ACR028 = Rule(
    "ACR028",
    "the password of namespace {name!r} is missing",
    "builds there could not push",
    "add it, or for a namespace whose token does not exist yet '{name}: pending'",
)
ACR029 = Rule(
    "ACR029",
    "namespace {name!r} has no password yet, so no pull secret is created there and no push is proved",
    "Azure shows a token's password only to whoever generates it, and the token must exist before",
    "after this update run 'az acr token credential generate --name {token} --password1 --registry …', put the password "
    "here and run again",
    Severity.WARNING,
)
ACR030 = Rule(
    "ACR030",
    "{count} namespaces need {count} tokens",
    "a registry of the tier {sku} has at most {limit}",
    "choose a higher tier, or workload-identity",
)


def _tokens(settings: Settings, registry: AzureRegistry, authentication: TokenAuthentication) -> Iterator[Problem]:
    names = {namespace.name for namespace in settings.namespaces}
    at = (*AUTHENTICATION, "passwords")
    for name in authentication.passwords:
        if name not in names:
            yield ACR027.at((*at, name), name=name)
    for name in sorted(names - authentication.passwords.keys()):
        yield ACR028.at((*at, name), name=name)
    for name, password in authentication.passwords.items():
        if password == "pending" and name in names:  # noqa: S105 - the word that means there is none
            yield ACR029.at((*at, name), name=name, token=authentication.token_name(name))
    limit = TOKENS[registry.sku]
    if len(names) > limit:
        yield ACR030.at((*REGISTRY, "sku"), count=len(names), sku=registry.sku, limit=limit)
