"""What in an AWS resource trusts or permits more than one exact ServiceAccount that pushes to named repositories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from access_documents.amazon import (
    AUDIENCE,
    CREATION_ACTIONS,
    CREATION_SERVICE,
    LOGIN,
    POD_IDENTITY,
    POD_TAGS,
    POLICIES,
    RESOURCE_POLICIES,
    is_expected,
    only_pulls,
)
from access_documents.iam_documents import issuer_of, named, tagged
from access_documents.patterns import is_pattern
from report.access.aws import (
    ASSOCIATION,
    POLICY,
    REPOSITORY,
    ROLE,
    identity,
    statements,
    trust_statements,
    untagged,
)
from report.access.world import Resource, World
from report.values import at, listing, text, texts

BroadAccess = Iterator[tuple[str, str]]
"""Why something is broad access, a sentence, and the foreign text that it is about."""

_SERVICES: Final = frozenset({POD_IDENTITY, CREATION_SERVICE})
_CREATION: Final = frozenset(action.lower() for action in CREATION_ACTIONS)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack's own resources show about its account."""

    accounts: frozenset[str] = frozenset()
    """Ids of the accounts that its repositories and roles are in."""
    above: frozenset[str] = frozenset()
    """Beginnings, up to a slash, of the names of its repositories: what lies below one of them is a repository of the stack."""


def surroundings(before: World, after: World) -> Surroundings:
    """The surroundings that the two sides show."""
    configured = at(after.settings, "registry", "accountId")
    # YAML makes a number of it where it is not quoted.
    accounts = {f"{configured:012d}" if isinstance(configured, int) else text(configured)}
    above: set[str] = set()
    for world in (before, after):
        for resource in world.of(REPOSITORY, ROLE):
            accounts |= {_account(resource.text("arn")), resource.text("registryId")}
            if resource.type == REPOSITORY:
                first, *parts = (resource.text("name") or resource.name).split("/")
                for part in parts:
                    above.add(first)
                    first = f"{first}/{part}"
    return Surroundings(frozenset(accounts - {""}), frozenset(above))


def broad_access(world: World, resource: Resource, around: Surroundings, old: Resource | None = None) -> BroadAccess:
    """What ``resource`` trusts or permits too widely. ``old`` is the same resource before, if that is not the one asked about."""
    if resource.type == ROLE:
        yield from _trust(resource)
        for arn in texts(resource.value("managedPolicyArns")):
            yield from _attached(world, arn)
        for inline in listing(resource.value("inlinePolicies")):
            yield from _policy(at(inline, "policy"), around, old and [at(each, "policy") for each in _inline(old)])
    elif key := POLICIES.get(resource.type):
        yield from _policy(resource.value(key), around, old and [old.value(key)])
        if resource.type in RESOURCE_POLICIES:
            yield from _strangers(resource.value(key), around)
    elif resource.type == ASSOCIATION:
        yield from _association(world, resource)
    elif resource.type.startswith("aws:iam/") and resource.type.endswith(("PolicyAttachment", "AttachmentsExclusive")):
        for arn in [resource.text("policyArn"), *texts(resource.value("policyArns"))]:
            yield from _attached(world, arn)


def issuers(resource: Resource) -> set[str]:
    """The issuers and clusters whose tokens a resource trusts."""
    found: set[str] = set()
    for statement in _trusting(resource):
        found |= {issuer_of(provider) for provider in texts(at(statement, "Principal", "Federated"))}
        found |= set(tagged(statement, "eks-cluster-arn").values)
    return found


def audiences(resource: Resource) -> set[str]:
    """What the tokens that a role trusts must have been made for."""
    return {
        audience
        for statement in _trusting(resource)
        for provider in texts(at(statement, "Principal", "Federated"))
        for audience in named(statement, f"{issuer_of(provider)}:aud").values
    }


def _trusting(resource: Resource) -> Iterable[Mapping[str, Any]]:
    """The statements of a role's trust that accept someone."""
    found = trust_statements(resource.value("assumeRolePolicy")) if resource.type == ROLE else ()
    return [statement for statement, in_vain in found if not in_vain]


def _inline(role: Resource) -> Iterable[Any]:
    return listing(role.value("inlinePolicies"))


def _trust(role: Resource) -> BroadAccess:
    for statement in _trusting(role):
        principal = statement.get("Principal")
        if statement.get("NotPrincipal") is not None:
            yield "Everyone with exceptions can assume the role.", ""
        if principal == "*" or "*" in texts(at(principal, "AWS")):
            yield "Every AWS account can assume the role.", "*"
        for account in texts(at(principal, "AWS")):
            if account != "*":
                yield "Another AWS principal can assume the role.", account
        services = texts(at(principal, "Service"))
        for service in services:
            if service not in _SERVICES:
                yield "An AWS service can assume the role, and so can whoever may use that service here.", service
        for provider in texts(at(principal, "Federated")):
            yield from _federated(statement, issuer_of(provider))
        if POD_IDENTITY in services:
            yield from _pods(statement)


def _pods(statement: Mapping[str, Any]) -> BroadAccess:
    for tag in POD_TAGS:
        named_by_tag = tagged(statement, tag)
        if not named_by_tag.tested:
            yield f"The trust does not name the {tag}: every cluster of the account can use the role.", ""
        for operator in named_by_tag.inexact:
            yield f"The condition on the {tag} does not name the pods exactly: others can use the role.", operator
        for value in named_by_tag.values:
            if _inexact(value):
                yield f"The {tag} has a wildcard: others can use the role.", value


def _association(world: World, association: Resource) -> BroadAccess:
    """Source: EKS API, PodIdentityAssociation."""
    if association.inputs.get("targetRoleArn") not in (None, ""):
        _, shown = identity(world, association, "targetRoleArn", ROLE)
        yield "The pods act as another role than the one that trusts EKS: what that one may do is theirs.", shown
    if untagged(association):
        yield "Sessions come without tags: policies cannot distinguish cluster, namespace and ServiceAccount.", ""


def _federated(statement: Mapping[str, Any], issuer: str) -> BroadAccess:
    subject, audience = named(statement, f"{issuer}:sub"), named(statement, f"{issuer}:aud")
    if not subject.tested:
        yield "The trust names no subject: every ServiceAccount of the cluster can assume the role.", ""
    for operator in subject.inexact:
        yield (
            "The condition on the subject does not name the ServiceAccount exactly: other ServiceAccounts can assume the role.",
            operator,
        )
    for value in subject.values:
        if _inexact(value):
            yield "The subject has a wildcard: other ServiceAccounts can assume the role.", value
    if not audience.tested:
        yield "The trust names no audience: tokens made for other services are accepted.", ""
    for operator in audience.inexact:
        yield "The condition on the audience is not exact: tokens made for other services are accepted.", operator
    for value in audience.values:
        if value != AUDIENCE:
            yield "The audience is not AWS's: tokens made for other services are accepted.", value


def _inexact(value: str) -> bool:
    return is_pattern(value) or "${" in value


def _attached(world: World, arn: str) -> BroadAccess:
    if not arn or only_pulls(arn) or world.by_text(POLICY, arn):
        return  # of a policy of this stack, its own document shows it
    if ":iam::aws:" in arn:
        yield "A policy of AWS's that allows more than to pull: it holds for the whole account.", arn
    else:
        yield "A policy is attached whose content this preview does not show.", arn


def _policy(policy: Any, around: Surroundings, old: list[Any] | None) -> BroadAccess:
    for statement in statements(policy):
        actions = [action.lower() for action in texts(statement.get("Action"))]
        for action in texts(statement.get("Action")):
            if action.lower() in ("*", "ecr:*"):
                yield "It allows every action, deleting and changing permissions among them.", action
            elif not is_expected(action):
                yield "It allows more than to push and to pull.", action
        if statement.get("NotAction") is not None:
            yield "It allows every action but some.", ""
        if statement.get("NotResource") is not None:
            yield "It holds for everything but some.", ", ".join(texts(statement.get("NotResource")))
        principal = statement.get("Principal")
        if principal == "*" or "*" in texts(at(principal, "AWS")) or statement.get("NotPrincipal") is not None:
            yield "Everyone is allowed.", "*"
        if actions and not set(actions) - {LOGIN.lower()}:
            continue
        for resource in texts(statement.get("Resource")):
            if resource == "*" or resource.endswith(":repository/*"):
                yield "It holds for every repository.", resource
            elif "*" in resource or "?" in resource:
                creates = bool(actions) and not set(actions) - _CREATION
                if not _below_its_own(resource, _resources(policy), around, creates=creates):
                    yield "A wildcard: it holds for more than named repositories.", resource
                elif old is not None and not creates and all(resource not in _resources(each) for each in old):
                    yield "New: it also holds for every repository below its own.", resource


def _below_its_own(arn: str, exact: set[str], around: Surroundings, *, creates: bool) -> bool:
    """Whether a pattern is what creation on push needs: all below a repository that the same document names, and no other
    repository of the stack is there. ECR's own role, which only creates, need not name the repository itself."""
    own, _, rest = arn.rpartition("/")
    name = own.partition(":repository/")[2]
    if rest != "*" or not name or "*" in own or "?" in own or name in around.above:
        return False
    return creates or own in exact


def _resources(policy: Any) -> set[str]:
    return {arn for statement in statements(policy) for arn in texts(statement.get("Resource"))}


def _strangers(policy: Any, around: Surroundings) -> BroadAccess:
    for statement in statements(policy):
        for principal in texts(at(statement, "Principal", "AWS")) + texts(statement.get("Principal")):
            account = principal if principal.isdecimal() else _account(principal)
            if principal != "*" and account not in around.accounts:
                yield "Someone in another AWS account is allowed.", principal


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else ""
