"""Access in AWS: trust policies, Pod Identity associations, access keys, and what policies allow on ECR repositories."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, Final

from access_documents.amazon import (
    DECISIVE_ACTIONS,
    MANAGED_POLICIES,
    POD_IDENTITY,
    POD_TAGS,
    REGISTRY_POLICY,
    REPOSITORY_ARN,
    WEB_IDENTITY,
    registry_host,
)
from access_documents.iam_documents import UnreadableError, allows, claims_of_others, issuer_of, named, read, tagged
from report.access.facts import EVERY_REPOSITORY, NOBODY, NOT_KNOWN, Facts, Permission, Trust, subject_parts
from report.access.world import Resource, World
from report.values import at, document, listing, text, texts

ROLE: Final = "aws:iam/role:Role"
USER: Final = "aws:iam/user:User"
POLICY: Final = "aws:iam/policy:Policy"
REPOSITORY: Final = "aws:ecr/repository:Repository"
REPOSITORY_POLICY: Final = "aws:ecr/repositoryPolicy:RepositoryPolicy"
ACCESS_KEY: Final = "aws:iam/accessKey:AccessKey"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def facts(world: World) -> Facts:
    """What the AWS resources of one side mean."""
    return Facts(tuple(_trusts(world)), tuple(_permissions(world)))


def statements(policy: Any, effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy document with this effect; none of one that is unknown, or no policy document at all."""
    if isinstance(policy, str):
        yield from _read(policy, effect)
    elif policy is not None:
        yield from _statements(policy, effect)


@lru_cache(maxsize=4096)
def _read(policy: str, effect: str) -> tuple[Mapping[str, Any], ...]:
    """Several questions are asked of the same document; to parse it once is enough. No caller changes what is returned."""
    return _statements(document(policy), effect)


def _statements(parsed: Any, effect: str) -> tuple[Mapping[str, Any], ...]:
    try:
        found = read(parsed) if parsed is not None else ()
    except UnreadableError:
        return ()
    return tuple(statement for statement in found if statement["Effect"] == effect)


def trust_statements(policy: Any) -> Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, str]]]]:
    """The statements of a trust policy that allow something, each with the reasons why it accepts no one: none where
    it accepts someone."""
    return _trust(policy) if isinstance(policy, str) else [(each, [*_for_nobody(each)]) for each in statements(policy)]


@lru_cache(maxsize=4096)
def _trust(policy: str) -> Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, str]]]]:
    return tuple((each, tuple(_for_nobody(each))) for each in statements(policy))


def _for_nobody(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Why no token satisfies a statement of a trust policy, and the foreign text that it is about."""
    for provider in texts(at(statement, "Principal", "Federated")):
        issuer = issuer_of(provider)
        if ":saml-provider/" in provider:
            continue
        if "Action" in statement and not allows(statement, WEB_IDENTITY):
            yield f"It does not allow {WEB_IDENTITY}, which exchanges tokens.", issuer
        for key in claims_of_others(statement, issuer):
            yield "It tests a claim of another issuer than the one that it trusts.", key
        for claim in ("sub", "aud"):
            if never := named(statement, f"{issuer}:{claim}").never:
                yield f"No token has the {claim} that it asks for: to StringEquals a * is a plain character.", never
    if POD_IDENTITY in texts(at(statement, "Principal", "Service")):
        for tag in POD_TAGS:
            if never := tagged(statement, tag).never:
                yield f"No pod has the {tag} that it asks for: to StringEquals a * is a plain character.", never


def untagged(association: Resource) -> bool:
    """Whether sessions of a Pod Identity association come without tags."""
    return association.value("disableSessionTags") is True


def identity(world: World, resource: Resource, prop: str, type_: str) -> tuple[str, str]:
    """Key and name of the role or user that an input means."""
    found = world.referred(resource, prop, type_)
    if found is not None:
        return found.urn, name_of(found)
    literal = resource.text(prop).rsplit("/", 1)[-1]
    return (f"{type_} {literal}", literal) if literal else ("", NOT_KNOWN)


def name_of(resource: Resource) -> str:
    """The name in the account, else Pulumi's."""
    return resource.text("name") or resource.name


def _trusts(world: World) -> Iterator[Trust]:
    for role in world.of(ROLE):
        for statement, in_vain in trust_statements(role.value("assumeRolePolicy")):
            if in_vain:
                yield Trust(role.urn, name_of(role), "", NOBODY, "", "")
                continue
            for provider in texts(at(statement, "Principal", "Federated")):
                issuer = issuer_of(provider)
                for subject in named(statement, f"{issuer}:sub").values or ("*",):
                    namespace, account = subject_parts(subject)
                    yield Trust(role.urn, name_of(role), issuer, namespace, account, "IAM role (IRSA)")
            if POD_IDENTITY in texts(at(statement, "Principal", "Service")):
                yield from _tagged(role, statement)
    for association in world.of(ASSOCIATION):
        yield from _associated(world, association)
    for secret in world.of("kubernetes:core/v1:Secret"):
        for prop in ("data", "stringData"):
            for access_key in world.sources(secret, prop, ACCESS_KEY):
                key, shown = identity(world, access_key, "user", USER)
                yield Trust(key, shown, "", secret.namespace, "", f"IAM user, key in Secret {secret.object_name}")


def _tagged(role: Resource, statement: Mapping[str, Any]) -> Iterator[Trust]:
    """Whom a trust of EKS Pod Identity names by its session tags; a tag that it does not name is everyone's."""
    found = {tag: tagged(statement, tag).values or (("" if tag == POD_TAGS[0] else "*"),) for tag in POD_TAGS}
    for cluster, namespace, account in product(*found.values()):
        yield Trust(role.urn, name_of(role), cluster.rsplit("/", 1)[-1], namespace, account, "IAM role (Pod Identity)")


def _associated(world: World, association: Resource) -> Iterator[Trust]:
    """Whom a Pod Identity association lets act as a role: as its target, where it has one (eks API, PodIdentityAssociation)."""
    chained = association.inputs.get("targetRoleArn") not in (None, "")
    how = "IAM role (Pod Identity, by way of another role)" if chained else "IAM role (Pod Identity)"
    key, shown = identity(world, association, "targetRoleArn" if chained else "roleArn", ROLE)
    namespace = NOBODY if asks_for_tags_in_vain(world, association) else association.text("namespace")
    yield Trust(key, shown, association.text("clusterName"), namespace, association.text("serviceAccount"), how)


def asks_for_tags_in_vain(world: World, association: Resource) -> bool:
    """Whether sessions come without tags, and the role's trust asks for them in every statement that is about pods."""
    role = world.referred(association, "roleArn", ROLE) if untagged(association) else None
    trusting = [
        statement
        for statement in statements(role.value("assumeRolePolicy") if role else None)
        if POD_IDENTITY in texts(at(statement, "Principal", "Service"))
    ]
    return bool(trusting) and all(any(tagged(each, tag).values for tag in POD_TAGS) for each in trusting)


def _permissions(world: World) -> Iterator[Permission]:
    for kind, type_ in (("role", ROLE), ("user", USER)):
        owner = kind.capitalize()
        for policy in world.of(f"aws:iam/{kind}Policy:{owner}Policy"):
            key, shown = identity(world, policy, kind, type_)
            yield from _allowed(world, key, shown, policy, "policy")
        attachments = world.of(f"aws:iam/{kind}PolicyAttachment:{owner}PolicyAttachment")
        for attachment in attachments:
            key, shown = identity(world, attachment, kind, type_)
            yield from _attached(world, key, shown, attachment, world.referred(attachment, "policyArn", POLICY))
        for shared in world.of("aws:iam/policyAttachment:PolicyAttachment"):
            for name in texts(shared.value(f"{kind}s")):
                holder = world.by_text(type_, name)
                key, shown = (holder.urn, name_of(holder)) if holder else (f"{type_} {name}", name)
                yield from _attached(world, key, shown, shared, world.referred(shared, "policyArn", POLICY))
        for holder in world.of(type_):
            for inline in listing(holder.value("inlinePolicies")):
                yield from _allowed(world, holder.urn, name_of(holder), holder, "inlinePolicies", at(inline, "policy"))
            # Not from the outputs: there the cloud lists what attachments of the same stack have attached too.
            for arn in texts(holder.inputs.get("managedPolicyArns")):
                yield from _managed(holder.urn, name_of(holder), arn)
    for policy in world.of(REPOSITORY_POLICY):
        repository = world.referred(policy, "repository", REPOSITORY)
        place = _place(repository) if repository else ("", policy.text("repository") or NOT_KNOWN)
        for statement in statements(policy.value("policy")):
            yield from _let_in(world, statement, (place,))
    for policy in world.of(REGISTRY_POLICY):
        for statement in statements(policy.value("policy")):
            arns = ["*"] if "NotResource" in statement else texts(statement.get("Resource"))
            yield from _let_in(world, statement, [_named(world, arn) for arn in arns])


def _let_in(world: World, statement: Mapping[str, Any], places: Iterable[tuple[str, str]]) -> Iterator[Permission]:
    """What a statement of a repository's or a registry's own policy allows whom."""
    verbs = _verbs(statement)
    principals = texts(statement.get("Principal")) or texts(at(statement, "Principal", "AWS"))
    for principal in principals if verbs else ():
        role = world.by_text(ROLE, principal)
        key, shown = (role.urn, name_of(role)) if role else (f"{ROLE} {principal}", principal.rsplit("/", 1)[-1])
        for host, name in places:
            yield Permission(key, shown, host, name, verbs)


def _attached(world: World, key: str, shown: str, attachment: Resource, found: Resource | None) -> Iterator[Permission]:
    """What an attached policy allows: from its own document, or for AWS's own policies from their name."""
    if found is not None:
        yield from _allowed(world, key, shown, found, "policy")
    else:
        yield from _managed(key, shown, attachment.text("policyArn"))


def _allowed(
    world: World, key: str, shown: str, resource: Resource, prop: str, policy: Any = None
) -> Iterator[Permission]:
    policy = resource.value(prop) if policy is None else policy
    if document(policy) is None:
        # The document waits for the repository's ARN, but which repository is known.
        for repository in world.sources(resource, prop, REPOSITORY):
            host, name = _place(repository)
            yield Permission(key, shown, host, name, (NOT_KNOWN,))
        return
    for statement in statements(policy):
        verbs = _verbs(statement)
        if not verbs:
            continue
        # All but some is shown as all: what a statement leaves out is not thereby safe.
        arns = ["*"] if statement.get("NotResource") is not None else texts(statement.get("Resource"))
        for arn in arns or [""]:
            host, name = _named(world, arn)
            yield Permission(key, shown, host, name, verbs)


def _managed(key: str, shown: str, arn: str) -> Iterator[Permission]:
    verbs = MANAGED_POLICIES.get(arn.rsplit("/", 1)[-1])
    if verbs:
        yield Permission(key, shown, "", EVERY_REPOSITORY, verbs)


def _verbs(statement: Mapping[str, Any]) -> tuple[str, ...]:
    if statement.get("NotAction") is not None:
        excepted = _verbs_of(tuple(texts(statement.get("NotAction"))))
        return tuple(verb for verb in DECISIVE_ACTIONS if verb not in excepted)
    return _verbs_of(tuple(texts(statement.get("Action"))))


@lru_cache(maxsize=1024)
def _verbs_of(actions: tuple[str, ...]) -> tuple[str, ...]:
    patterns = [action.lower() for action in actions]
    return tuple(
        verb
        for verb, needed in DECISIVE_ACTIONS.items()
        if any(fnmatch.fnmatchcase(needed.lower(), each) for each in patterns)
    )


def _named(world: World, arn: str) -> tuple[str, str]:
    match = REPOSITORY_ARN.fullmatch(arn)
    if match is None:
        return "", EVERY_REPOSITORY if arn == "*" else arn or NOT_KNOWN
    partition, region, account, name = match.groups()
    exact = account not in ("", "*") and region not in ("", "*")
    return registry_host(partition, region, account) if exact else "", EVERY_REPOSITORY if name == "*" else name


def _place(repository: Resource) -> tuple[str, str]:
    name = name_of(repository)
    url = repository.text("repositoryUrl")
    if url:
        return url.split("/", 1)[0], name
    host, _ = _named(World(""), repository.text("arn"))
    return host or text(repository.value("registryId")), name
