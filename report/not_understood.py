"""Documents that the report cannot read to their end, or that do not do what they look like: a reviewer has to look himself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from access_documents.amazon import POLICIES
from access_documents.iam_documents import UnreadableError, read
from report.access import azure, gcp
from report.access.aws import ASSOCIATION, ROLE, asks_for_tags_in_vain, trust_statements
from report.access.azure import ASSIGNMENT, CREDENTIAL
from report.access.world import Resource, World
from report.values import at, document, listing, text

_NOBODY: Final = "The trust accepts no one."
_DOCUMENTS: Final[Mapping[str, str]] = {**POLICIES, ROLE: "assumeRolePolicy", ASSOCIATION: "policy"}
_WHOLE: Final = ("repositoryIamPolicy:RepositoryIamPolicy", "iAMPolicy:IAMPolicy")


def not_understood(world: World, resource: Resource) -> Iterator[tuple[str, str]]:
    """Why the access that a resource gives cannot be shown, or is none at all, and the foreign text that it is about."""
    key = _DOCUMENTS.get(resource.type)
    if key and (why := _unreadable(resource.text(key))):
        yield f"The policy document cannot be read, so what it allows is not shown. {why}", key
    match resource.type:
        case type_ if type_ == ROLE:
            for _, in_vain in trust_statements(resource.value("assumeRolePolicy")):
                for why, value in in_vain:
                    yield f"{_NOBODY} {why}", value
        case type_ if type_ == ASSOCIATION:
            if asks_for_tags_in_vain(world, resource):
                yield f"{_NOBODY} It asks for tags, and sessions of this association come without them.", ""
        case type_ if type_ == ASSIGNMENT:
            yield from _condition(resource)
        case type_ if type_ == CREDENTIAL:
            if resource.value("claimsMatchingExpression") is not None:
                yield "It takes tokens by an expression, which the report does not read.", ""
        case type_ if type_.startswith("gcp:"):
            yield from _google(resource)
        case _:
            pass


@lru_cache(maxsize=4096)
def _unreadable(policy: str) -> str:
    """Why a known text is no policy document; empty where it is one or not known."""
    try:
        read(policy) if policy else None
    except UnreadableError as error:
        return str(error)
    return ""


def _condition(assignment: Resource) -> Iterator[tuple[str, str]]:
    reaches = azure.reaches(assignment)
    if unread := [action for action, each in reaches.items() if not each.understood]:
        yield "The condition is not understood: these actions may be allowed on every repository.", ", ".join(unread)
    if reaches and not any(each.others or each.names for each in reaches.values()):
        yield "The condition accepts no request: no repository has such a name.", assignment.text("condition")


def _google(resource: Resource) -> Iterator[tuple[str, str]]:
    for bound in gcp.bindings(resource):
        if bound.condition:
            yield "A condition narrows it in a way that the report does not read: it is shown without.", bound.condition
    if not resource.type.endswith(_WHOLE):
        return
    yield "It replaces the whole policy: whoever has access that this preview does not show loses it.", ""
    policy = resource.text("policyData")
    if policy and not isinstance(at(document(policy), "bindings"), list):
        yield "The policy document cannot be read, so what it allows is not shown.", "policyData"
    for entry in listing(at(document(policy), "bindings")):
        if not text(at(entry, "role")):
            yield "The policy document has a binding without a role.", "policyData"
