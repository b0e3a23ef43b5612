"""Rules of who may push to Amazon ECR: providers, roles, users, and the sizes that IAM allows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.iam_documents import INLINE_POLICY_LIMIT, LARGEST_TRUST_POLICY
from mendix_registry.kinds.amazon_ecr.settings import (
    AmazonEcrRegistry,
    Irsa,
    OidcProvider,
    PodIdentity,
    Roles,
    StaticKeys,
)
from mendix_registry.kinds.amazon_ecr.values import arn_parts
from mendix_registry.settings.places import NAMESPACES, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.stack import Settings

METHOD: Location = (*REGISTRY, "authentication")


def check(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Problem]:
    """Every problem of the authentication."""
    yield from _partitions(registry)
    match registry.authentication:
        case Irsa() as method:
            yield from _provider(registry, method.oidc_provider)
            yield from _further_providers(method)
            yield from _roles(settings, registry, method)
            yield from _accounts(registry, method)
            yield from _annotations(settings, method)
        case PodIdentity() as method:
            yield from _associations(settings, method)
            yield from _accounts(registry, method)
            yield from _roles(settings, registry, method)
        case StaticKeys() as method:
            yield from _static(settings, registry, method)


ECR034 = Rule(
    "ECR034",
    "{arn} is in the partition {partition}, the registry in {known}",
    "no partition of AWS trusts another",
    "give one that begins with arn:{known}:",
)


def _partitions(registry: AmazonEcrRegistry) -> Iterator[Problem]:
    known = registry.known_partition
    if known is None:
        return
    for at, arn in _arns(registry):
        partition = arn_parts(arn)["partition"]
        if partition != known:
            yield ECR034.at(at, arn=arn, partition=partition, known=known)


def _arns(registry: AmazonEcrRegistry) -> Iterator[tuple[Location, str]]:
    method = registry.authentication
    for index, role in enumerate(registry.node_roles):
        if role.startswith("arn:"):
            yield (*REGISTRY, "nodeRoles", index), role
    if registry.repositories.encryption.key:
        yield (*REGISTRY, "repositories", "encryption", "key"), registry.repositories.encryption.key
    if registry.repositories.creation_role:
        yield (*REGISTRY, "repositories", "creationRole"), registry.repositories.creation_role
    if isinstance(method, StaticKeys):
        if method.users.permissions_boundary:
            yield (*METHOD, "users", "permissionsBoundary"), method.users.permissions_boundary
        return
    at = (*METHOD, "roles")
    if method.roles.permissions_boundary:
        yield (*at, "permissionsBoundary"), method.roles.permissions_boundary
    if isinstance(method.roles.existing_for_all, str):
        yield (*at, "existingForAll"), method.roles.existing_for_all
    for namespace, arn in method.roles.existing.items():
        if isinstance(arn, str):
            yield (*at, "existing", namespace), arn
    if isinstance(method, Irsa):
        if method.oidc_provider.existing:
            yield (*METHOD, "oidcProvider", "existing"), method.oidc_provider.existing
        for index, arn in enumerate(method.also_trust):
            yield (*METHOD, "alsoTrust", index), arn


ECR035 = Rule(
    "ECR035",
    "the provider is given twice, by ARN and by issuer",
    "they could name two clusters",
    "keep existing, which needs no look-up, or keep issuer",
)
ECR036 = Rule(
    "ECR036",
    "the cluster's OIDC provider is missing",
    "the role must trust exactly this cluster's tokens",
    "add existing: <ARN> ('aws iam list-open-id-connect-providers' prints them), or issuer: <URL>",
)
ECR037 = Rule(
    "ECR037",
    "an existing provider is left as it is, but create, import or thumbprints is given too",
    "they would have no effect",
    "remove them, or give issuer instead of existing",
)
ECR038 = Rule(
    "ECR038",
    "the provider is to be created and to be taken over",
    "an account has one provider for each issuer",
    "remove create if it exists, else import",
)
ECR039 = Rule(
    "ECR039",
    "{arn} is not the provider of {issuer}",
    "a provider's ARN ends with its issuer",
    "correct one of the two",
)
ECR040 = Rule(
    "ECR040",
    "thumbprints are only set on a provider that this stack creates or takes over",
    "they would have no effect",
    "remove them, or set create: true",
)


def _provider(registry: AmazonEcrRegistry, provider: OidcProvider) -> Iterator[Problem]:
    at = (*METHOD, "oidcProvider")
    if provider.existing and provider.issuer:
        yield ECR035.at((*at, "issuer"))
    if not provider.existing and not provider.issuer:
        yield ECR036.at(at)
    if provider.existing and (provider.create or provider.import_ or provider.thumbprints):
        yield ECR037.at((*at, "existing"))
    if provider.create and provider.import_:
        yield ECR038.at((*at, "import"))
    if provider.import_ and provider.issuer:
        issuer = provider.issuer.removeprefix("https://")
        if not provider.import_.endswith(f":oidc-provider/{issuer}"):
            yield ECR039.at((*at, "import"), arn=provider.import_, issuer=provider.issuer)
    if provider.thumbprints and not (provider.create or provider.import_) and not provider.existing:
        yield ECR040.at((*at, "thumbprints"))


ECR041 = Rule(
    "ECR041",
    "{arn} is trusted already",
    "a second statement would only use up the trust policy's length",
    "remove it",
)


def _further_providers(method: Irsa) -> Iterator[Problem]:
    seen = {method.oidc_provider.existing}
    for index, arn in enumerate(method.also_trust):
        if arn in seen:
            yield ECR041.at((*METHOD, "alsoTrust", index), arn=arn)
        seen.add(arn)


ECR042 = Rule(
    "ECR042",
    "the roles are in account {account}, as the {noun} is, the registry in {registry}",
    "a creation template belongs to the registry's account, where this stack creates nothing",
    "remove the key, and keep the image name template's variables after the colon: "
    "{{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}",
)
ECR043 = Rule(
    "ECR043",
    "the roles are in account {account}, as the {noun} is, the registry in {registry}",
    "one provider cannot create in two accounts",
    "set repositories.create: false if the repositories exist there, or correct the account",
)
ECR044 = Rule(
    "ECR044",
    "the roles are in account {account}, as the {noun} is, the registry in {registry}",
    "ECR also asks the repositories' own policy about another account's roles, the nodes' among them",
    "allow these roles to push, and the nodes' to pull, in each repository's policy (docs/kinds/amazon-ecr.md shows it)",
    Severity.WARNING,
)


def _accounts(registry: AmazonEcrRegistry, method: Irsa | PodIdentity) -> Iterator[Problem]:
    if isinstance(method, PodIdentity):
        account, noun = method.cluster.account_id, "cluster"
    else:
        arn = method.oidc_provider.existing or method.oidc_provider.import_
        account, noun = arn_parts(arn)["account"] if arn else None, "OIDC provider"
    if registry.account_id is None or account is None or account == registry.account_id:
        return
    if registry.repositories.create_on_push:
        yield ECR042.at(
            (*REGISTRY, "repositories", "createOnPush"), account=account, noun=noun, registry=registry.account_id
        )
    if registry.repositories.create:
        yield ECR043.at((*REGISTRY, "accountId"), account=account, noun=noun, registry=registry.account_id)
    else:
        yield ECR044.at((*REGISTRY, "accountId"), account=account, noun=noun, registry=registry.account_id)


ECR045 = Rule(
    "ECR045",
    "ServiceAccount {account!r} of namespace {namespace!r} is not this stack's",
    "its pods only get the role if it has the annotation eks.amazonaws.com/role-arn, which this stack does not set",
    "have its owner set the annotation (mxpc-cli does) to the stack's output namespaces.<name>.pushedAs",
    Severity.WARNING,
)


def _annotations(settings: Settings, method: Irsa) -> Iterator[Problem]:
    for index, namespace in enumerate(settings.namespaces):
        if not namespace.service_account.create:
            at = (*NAMESPACES, index, "serviceAccount", "create")
            yield ECR045.at(at, account=namespace.service_account.name, namespace=namespace.name)
            return


ECR046 = Rule(
    "ECR046",
    "shared roles belong to no single namespace",
    "it would not be known which of them to take over",
    "give such a role under existing, or leave shared out",
)
ECR047 = Rule(
    "ECR047",
    "namespaces that share a role can push to each other's repositories",
    "a role has one set of permissions",
    "leave shared out: each namespace then has its own role (an account may have 1,000, or more on request)",
    Severity.WARNING,
)


def _roles(settings: Settings, registry: AmazonEcrRegistry, method: Irsa | PodIdentity) -> Iterator[Problem]:
    roles = method.roles
    at = (*METHOD, "roles")
    names = {namespace.name for namespace in settings.namespaces}
    yield from _unknown(roles.existing, names, (*at, "existing"))
    yield from _unknown(roles.import_, names, (*at, "import"))
    yield from _both(roles.existing, roles.import_, (*at, "import"), "role")
    if roles.shared is not None and roles.import_:
        yield ECR046.at((*at, "import"))
    yield from _existing_for_all(roles, names, at)
    yield from _sizes(settings, registry, method, at)
    if roles.shared is not None and len(ecr_plan.repositories(settings)) > 1:
        plans = ecr_plan.role_plans(roles, settings.namespaces)
        if any(len(plan.namespaces) > 1 for plan in plans):
            yield ECR047.at((*at, "shared"))


ECR048 = Rule(
    "ECR048",
    "every namespace has an existing role then, but import or shared is given too",
    "they would have no effect",
    "remove them, or name the namespaces under existing",
)
ECR049 = Rule("ECR049", "every namespace is under existing", "it would have no effect", "remove it")


def _existing_for_all(roles: Roles, names: set[str], at: Location) -> Iterator[Problem]:
    if roles.existing_for_all is None:
        return
    if roles.import_ or roles.shared is not None:
        yield ECR048.at((*at, "existingForAll"))
    elif names and not names - set(roles.existing):
        yield ECR049.at((*at, "existingForAll"))


ECR050 = Rule(
    "ECR050",
    "the trust policy of role {role!r} has {length} characters",
    "IAM accepts {limit} here",
    "{remedy}",
)
ECR051 = Rule(
    "ECR051",
    "the policy of role {role!r} has {length} characters",
    f"IAM accepts {INLINE_POLICY_LIMIT} and cannot be asked for more",
    "{remedy}",
)


def _sizes(
    settings: Settings, registry: AmazonEcrRegistry, method: Irsa | PodIdentity, at: Location
) -> Iterator[Problem]:
    if isinstance(method, Irsa) and not (method.oidc_provider.existing or method.oidc_provider.issuer):
        return
    limit = method.roles.trust_policy_limit
    for plan in ecr_plan.role_plans(method.roles, settings.namespaces):
        length = ecr_plan.trust_length(registry, method, plan.subjects)
        policy = ecr_plan.policy_length(settings, registry, plan)
        if length <= limit and policy <= INLINE_POLICY_LIMIT:
            continue
        if method.roles.shared is None:
            key = "alsoTrust" if isinstance(method, Irsa) and method.also_trust else "roles"
            place: Location = (*METHOD, key)
            remedy = (
                f"have the quota 'Role trust policy length' raised (up to {LARGEST_TRUST_POLICY}) and set "
                "roles.trustPolicyLimit, or give each cluster its own stack"
            )
        else:
            place = (*at, "shared")
            enough = ecr_plan.enough_roles(settings, registry, method)
            remedy = f"set shared: {enough}" if enough else "leave shared out"
            remedy += ", or have the quota raised and set trustPolicyLimit"
        if length > limit:
            yield ECR050.at(place, role=plan.key, length=length, limit=limit, remedy=remedy)
        else:
            yield ECR051.at(place, role=plan.key, length=policy, remedy=remedy)
        return


ECR052 = Rule(
    "ECR052",
    "{text!r} is not an association of the cluster {cluster}",
    "the provider finds it by cluster and association id",
    "write it as {cluster},a-<id> ('aws eks list-pod-identity-associations' prints the ids)",
)
ECR053 = Rule(
    "ECR053",
    "with associate: false no association is touched",
    "it would have no effect",
    "remove one of the two",
)


def _associations(settings: Settings, method: PodIdentity) -> Iterator[Problem]:
    at = (*METHOD, "import")
    yield from _unknown(method.import_, {namespace.name for namespace in settings.namespaces}, at)
    for namespace, text in method.import_.items():
        name, comma, association = text.partition(",")
        if not comma or name != method.cluster.name or not association.startswith("a-"):
            yield ECR052.at((*at, namespace), text=text, cluster=method.cluster.name)
    if method.import_ and not method.associate:
        yield ECR053.at(at)


ECR054 = Rule(
    "ECR054",
    "this is not the id of a lasting access key",
    "lasting ones are AKIA and at least 12 letters and digits; a session's (ASIA) ends within hours",
    "create an access key of an IAM user",
)
ECR055 = Rule(
    "ECR055",
    "with an existing key no user and no key is created, but users or rotation is given too",
    "they would have no effect",
    "remove them, or the key",
)
ECR056 = Rule(
    "ECR056",
    "builders have a lasting access key",
    "who reads the Secret can push until the key is rotated; AWS and Mendix advise against it",
    "use irsa or pod-identity on EKS; elsewhere rotate by raising authentication.rotation",
    Severity.WARNING,
)


def _static(settings: Settings, registry: AmazonEcrRegistry, method: StaticKeys) -> Iterator[Problem]:
    at = (*METHOD, "users")
    names = {namespace.name for namespace in settings.namespaces}
    yield from _unknown(method.users.existing, names, (*at, "existing"))
    yield from _unknown(method.users.import_, names, (*at, "import"))
    yield from _both(method.users.existing, method.users.import_, (*at, "import"), "user")
    if method.existing_key is not None:
        if not re.fullmatch(r"AKIA[A-Z0-9]{12,124}", method.existing_key.access_key_id):
            yield ECR054.at((*METHOD, "existingKey", "accessKeyId"))
        if method.users.existing or method.users.import_ or method.rotation != 1:
            yield ECR055.at((*METHOD, "existingKey"))
    yield ECR056.at((*METHOD, "method"))


ECR057 = Rule(
    "ECR057",
    "{namespace!r} is no namespace of this stack",
    "it would have no effect",
    "correct the name, or add it to namespaces",
)


def _unknown(given: Mapping[str, Any], names: Collection[str], at: Location) -> Iterator[Problem]:
    for namespace in given:
        if namespace not in names:
            yield ECR057.at((*at, namespace), namespace=namespace)


ECR058 = Rule(
    "ECR058",
    "the {noun} of namespace {namespace!r} is also under existing",
    "a {noun} is either left as it is or taken over",
    "remove it from one of the two",
)


def _both(existing: Mapping[str, Any], imported: Mapping[str, str], at: Location, noun: str) -> Iterator[Problem]:
    for namespace in sorted(existing.keys() & imported.keys()):
        yield ECR058.at((*at, namespace), noun=noun, namespace=namespace)
