"""Access in AWS: trust policies, Pod Identity associations, access keys, and what policies allow on ECR repositories."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Final

from report.access.facts import EVERY_REPOSITORY, NOT_KNOWN, Facts, Permission, Trust, subject_parts
from report.access.world import Resource, World
from report.values import at, document, listing, mapping, text, texts

ROLE: Final = "aws:iam/role:Role"
USER: Final = "aws:iam/user:User"
POLICY: Final = "aws:iam/policy:Policy"
REPOSITORY: Final = "aws:ecr/repository:Repository"
ACCESS_KEY: Final = "aws:iam/accessKey:AccessKey"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
_ARN = re.compile(r"^arn:([^:]+):ecr:([^:]*):([^:]*):repository/(.+)$")

# What a client needs: docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html, and the actions of a pull.
_NEEDED: Mapping[str, str] = {
    "pull": "ecr:GetDownloadUrlForLayer",
    "push": "ecr:PutImage",
    "create": "ecr:CreateRepository",
    "delete": "ecr:BatchDeleteImage",
    "administer": "ecr:SetRepositoryPolicy",
}


def facts(world: World) -> Facts:
    """What the AWS resources of one side say."""
    return Facts(tuple(_trusts(world)), tuple(_permissions(world)))


def statements(policy: Any, effect: str = "Allow") -> Iterator[Mapping[str, Any]]:
    """The statements of a policy document with this effect."""
    found = at(document(policy), "Statement")
    for statement in listing(found) or [found]:
        if mapping(statement).get("Effect") == effect:
            yield mapping(statement)


def conditions(statement: Mapping[str, Any], suffix: str) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of every condition whose key ends in ``suffix``."""
    for operator, entries in mapping(statement.get("Condition")).items():
        for key, values in mapping(entries).items():
            if key.lower().endswith(suffix.lower()):
                yield operator, key, texts(values)


def named(statement: Mapping[str, Any], suffix: str) -> list[str]:
    """The values that a statement names exactly for keys that end in ``suffix``.

    Only ``StringEquals`` and ``StringLike`` name somebody. ``StringNotEquals`` names everybody else, and ``ForAllValues:…`` and
    ``…IfExists`` hold, too, where the key is missing.
    """
    return [value for operator, _, values in conditions(statement, suffix) if _names(operator) for value in values]


def inexact(statement: Mapping[str, Any], suffix: str) -> list[str]:
    """The operators that a statement tests such keys with, if none of them says exactly who is meant."""
    found = [operator for operator, _, _ in conditions(statement, suffix)]
    return [] if any(_names(operator) for operator in found) else found


def _names(operator: str) -> bool:
    return operator.lower() in ("stringequals", "stringlike")


def issuer_of(provider: str) -> str:
    """The issuer of a federated principal: of an OIDC provider the end of its ARN, of anything else all of it."""
    return provider.split(":oidc-provider/", 1)[-1]


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
        for statement in statements(role.value("assumeRolePolicy")):
            federated = texts(at(statement, "Principal", "Federated"))
            for provider in federated:
                for subject in named(statement, ":sub") or ["*"]:
                    namespace, account = subject_parts(subject)
                    issuer = issuer_of(provider)
                    yield Trust(role.urn, name_of(role), issuer, namespace, account, "IAM role (IRSA)")
            if "pods.eks.amazonaws.com" in texts(at(statement, "Principal", "Service")):
                yield from _tagged(role, statement)
    for association in world.of(ASSOCIATION):
        key, shown = identity(world, association, "roleArn", ROLE)
        yield Trust(
            key,
            shown,
            association.text("clusterName"),
            association.text("namespace"),
            association.text("serviceAccount"),
            "IAM role (Pod Identity)",
        )
    for secret in world.of("kubernetes:core/v1:Secret"):
        for prop in ("data", "stringData"):
            for access_key in world.sources(secret, prop, ACCESS_KEY):
                key, shown = identity(world, access_key, "user", USER)
                yield Trust(key, shown, "", secret.namespace, "", f"IAM user, key in Secret {secret.object_name}")


def _tagged(role: Resource, statement: Mapping[str, Any]) -> Iterator[Trust]:
    """Whom a trust of EKS Pod Identity names by its session tags; a tag that it does not name is everyone's."""
    found = {
        tag: _tag(statement, tag) for tag in ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")
    }
    for cluster, namespace, account in product(*found.values()):
        yield Trust(role.urn, name_of(role), cluster.rsplit("/", 1)[-1], namespace, account, "IAM role (Pod Identity)")


def _tag(statement: Mapping[str, Any], tag: str) -> list[str]:
    return named(statement, f"aws:RequestTag/{tag}") or ["" if tag == "eks-cluster-arn" else "*"]


def _permissions(world: World) -> Iterator[Permission]:
    for kind, type_ in (("role", ROLE), ("user", USER)):
        owner = kind.capitalize()
        for policy in world.of(f"aws:iam/{kind}Policy:{owner}Policy"):
            key, shown = identity(world, policy, kind, type_)
            yield from _allowed(world, key, shown, policy, "policy")
        for attachment in world.of(f"aws:iam/{kind}PolicyAttachment:{owner}PolicyAttachment"):
            key, shown = identity(world, attachment, kind, type_)
            found = world.referred(attachment, "policyArn", POLICY)
            if found is not None:
                yield from _allowed(world, key, shown, found, "policy")
            else:
                yield from _managed(key, shown, attachment.text("policyArn"))
        for holder in world.of(type_):
            for inline in listing(holder.value("inlinePolicies")):
                yield from _allowed(world, holder.urn, name_of(holder), holder, "inlinePolicies", at(inline, "policy"))
            # Not from the outputs: there the cloud lists what attachments of the same stack have attached, too.
            for arn in texts(holder.inputs.get("managedPolicyArns")):
                yield from _managed(holder.urn, name_of(holder), arn)
    for repository_policy in world.of("aws:ecr/repositoryPolicy:RepositoryPolicy"):
        repository = world.referred(repository_policy, "repository", REPOSITORY)
        host, name = _place(repository) if repository else ("", repository_policy.text("repository") or NOT_KNOWN)
        for statement in statements(repository_policy.value("policy")):
            verbs = _verbs(statement)
            principals = texts(statement.get("Principal")) or texts(at(statement, "Principal", "AWS"))
            for principal in principals if verbs else ():
                role = world.by_text(ROLE, principal)
                key, shown = (
                    (role.urn, name_of(role)) if role else (f"{ROLE} {principal}", principal.rsplit("/", 1)[-1])
                )
                yield Permission(key, shown, host, name, verbs)


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
        # All but some is shown as all: what a statement leaves out is not said to be safe.
        arns = ["*"] if statement.get("NotResource") is not None else texts(statement.get("Resource"))
        for arn in arns or [""]:
            host, name = _named(world, arn)
            yield Permission(key, shown, host, name, verbs)


_MANAGED = {
    "AmazonEC2ContainerRegistryReadOnly": ("pull",),
    "AmazonEC2ContainerRegistryPullOnly": ("pull",),
    "AmazonEC2ContainerRegistryPowerUser": ("pull", "push"),
    "AmazonEC2ContainerRegistryFullAccess": ("pull", "push", "create", "delete", "administer"),
    "AdministratorAccess": ("pull", "push", "create", "delete", "administer"),
    "PowerUserAccess": ("pull", "push", "create", "delete", "administer"),
}


def _managed(key: str, shown: str, arn: str) -> Iterator[Permission]:
    verbs = _MANAGED.get(arn.rsplit("/", 1)[-1])
    if verbs:
        yield Permission(key, shown, "", EVERY_REPOSITORY, verbs)


def _verbs(statement: Mapping[str, Any]) -> tuple[str, ...]:
    if statement.get("NotAction") is not None:
        excepted = _verbs_of(tuple(texts(statement.get("NotAction"))))
        return tuple(verb for verb in _NEEDED if verb not in excepted)
    return _verbs_of(tuple(texts(statement.get("Action"))))


@lru_cache(maxsize=1024)
def _verbs_of(actions: tuple[str, ...]) -> tuple[str, ...]:
    patterns = [action.lower() for action in actions]
    return tuple(
        verb for verb, needed in _NEEDED.items() if any(fnmatch.fnmatchcase(needed.lower(), each) for each in patterns)
    )


def _named(world: World, arn: str) -> tuple[str, str]:
    match = _ARN.match(arn)
    if match is None:
        return "", EVERY_REPOSITORY if arn == "*" else arn or NOT_KNOWN
    partition, region, account, name = match.groups()
    suffix = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(partition, "amazonaws.com")
    host = f"{account}.dkr.ecr.{region}.{suffix}" if account not in ("", "*") and region not in ("", "*") else ""
    return host, EVERY_REPOSITORY if name == "*" else name


def _place(repository: Resource) -> tuple[str, str]:
    name = name_of(repository)
    url = repository.text("repositoryUrl")
    if url:
        return url.split("/", 1)[0], name
    host, _ = _named(World(""), repository.text("arn"))
    return host or text(repository.value("registryId")), name
