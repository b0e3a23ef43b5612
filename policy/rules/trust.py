"""Who may act as an identity: one exact ServiceAccount, by a token made for exactly this purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from access_documents.amazon import (
    AUDIENCE,
    CREATION_SERVICE,
    POD_IDENTITY,
    POD_TAGS,
    RESOURCE_POLICIES,
    WEB_IDENTITY,
)
from access_documents.azure import AUDIENCE as AZURE_AUDIENCE
from access_documents.azure import AUDIENCES, plain_type
from access_documents.google import ACTING_ROLES, DIRECT, WORKLOAD
from access_documents.iam_documents import claims_of_others, conditions, named, tagged
from access_documents.kubernetes import SUBJECT

from .iam import allowing_statements, pinned_callers, principals, resource_statements, texts
from .rule import Finding, Resource, Rule, is_inexact, is_listed, mapping, sequence, strings

_GOOGLE_ACCOUNT = re.compile(r"serviceAccount:[a-z0-9-]+@[a-z0-9.:-]+")
_EVERYBODY = re.compile(r"system:(serviceaccounts(:.*)?|authenticated(:.*)?|unauthenticated|anonymous)")


def _check(resource: Resource) -> Iterator[Finding]:
    kind = plain_type(resource.type)
    if kind == "aws:iam/role:Role":
        for statement in allowing_statements(resource.inputs.get("assumeRolePolicy")):
            yield from _aws(resource, statement)
    elif kind in RESOURCE_POLICIES:
        yield from _resource_policy(resource)
    elif kind == "aws:eks/podIdentityAssociation:PodIdentityAssociation":
        yield from _association(resource)
    elif kind == "azure-native:managedidentity:FederatedIdentityCredential":
        yield from _azure(resource)
    elif kind.startswith(("gcp:artifactregistry/repositoryIam", "gcp:serviceaccount/iAM", "gcp:projects/iAM")):
        yield from _google(resource)
    elif kind.startswith("kubernetes:rbac.authorization.k8s.io/") and "RoleBinding" in kind:
        yield from _kubernetes(resource)


def _aws(resource: Resource, statement: Mapping[str, Any]) -> Iterator[Finding]:
    principal = statement.get("Principal")
    if "NotPrincipal" in statement or not isinstance(principal, Mapping):
        yield Finding(
            f"the role {resource.name} trusts everyone, or everyone with exceptions.",
            "name the OIDC provider or the service that may assume it in Principal.",
        )
        return
    for sort, values in mapping(principal).items():
        for value in texts(values):
            if sort == "Federated":
                yield from _web_identity(resource, statement, value)
            elif sort == "Service" and value == POD_IDENTITY:
                yield from _pod_identity(resource, statement)
            elif not is_listed(value, resource.listed("awsPrincipals")):
                yield Finding(
                    f"the role {resource.name} trusts the principal {value}.",
                    "let only the cluster's ServiceAccounts assume it, or list this exact principal in awsPrincipals.",
                )


def _resource_policy(resource: Resource) -> Iterator[Finding]:
    """A rule cannot know which account is one's own, so whoever a policy lets in has to be listed."""
    allowed = resource.listed("awsPrincipals")
    for statement in resource_statements(resource):
        pinned = pinned_callers(statement)
        for principal in principals(statement):
            # All conditions have to hold, so one of them that names listed callers only is enough.
            narrowed = principal == "*" and any(all(is_listed(each, allowed) for each in callers) for callers in pinned)
            if narrowed or (principal != "*" and is_listed(principal, allowed)):
                continue
            if principal == "*" and pinned:
                principal = ", ".join(sorted({each for callers in pinned for each in callers}))
            yield Finding(
                f"{resource.name} allows the principal {principal}.",
                "grant rights by the identities' own policies; or list this exact principal in awsPrincipals.",
            )


def _web_identity(resource: Resource, statement: Mapping[str, Any], provider: str) -> Iterator[Finding]:
    issuer = provider.partition(":oidc-provider/")[2]
    if texts(statement.get("Action")) != [WEB_IDENTITY] or not issuer or is_inexact(provider):
        yield Finding(
            f"the role {resource.name} trusts {provider} in another way than by a ServiceAccount's token.",
            f"name one OIDC provider's exact ARN and allow only {WEB_IDENTITY}.",
        )
        return
    if foreign := claims_of_others(statement, issuer):
        yield Finding(
            f"the role {resource.name} trusts {issuer} and tests {', '.join(foreign)}, which its tokens lack: it rejects all.",
            f"test claims of {issuer} only, and give each issuer a statement.",
        )
    subjects = [
        value for _, key, values in conditions(statement) if key.lower() == f"{issuer}:sub".lower() for value in values
    ]
    audiences = named(statement, f"{issuer}:aud").values
    if not named(statement, f"{issuer}:sub").values or not all(map(_is_one_account, subjects)):
        yield Finding(
            f"the role {resource.name} does not name exactly which ServiceAccounts of {issuer} may assume it"
            + (f": {', '.join(subjects)}." if subjects else "."),
            f"require {issuer}:sub by StringEquals to be system:serviceaccount:NAMESPACE:NAME, without * or ?.",
        )
    if not audiences or not set(audiences) <= set(resource.listed("awsAudiences")):
        yield Finding(
            f"the role {resource.name} accepts tokens of {issuer} that were issued for another purpose.",
            f"require {issuer}:aud by StringEquals to be {AUDIENCE}.",
        )


def _pod_identity(resource: Resource, statement: Mapping[str, Any]) -> Iterator[Finding]:
    exact = {tag: tagged(statement, tag).values for tag in POD_TAGS}
    missing = [tag for tag, values in exact.items() if not values or any(map(is_inexact, values))]
    if missing:
        yield Finding(
            f"the role {resource.name} may be used by pods of any cluster or namespace of the account: "
            f"{', '.join(missing)} is not required exactly.",
            "require cluster ARN, namespace and ServiceAccount by StringEquals on these request tags.",
        )


def _is_one_account(subject: str) -> bool:
    return bool(SUBJECT.fullmatch(subject)) and not is_inexact(subject)


def _association(resource: Resource) -> Iterator[Finding]:
    """Source: EKS API, PodIdentityAssociation."""
    if resource.inputs.get("disableSessionTags"):
        yield Finding(
            f"the association {resource.name} disables session tags: no trust or policy can distinguish its pods from others.",
            "leave disableSessionTags out.",
        )
    target = resource.inputs.get("targetRoleArn")
    if target and not is_listed(str(target), resource.listed("awsPrincipals")):
        yield Finding(
            f"the association {resource.name} lets pods act as {target}, whose trust names a role and no ServiceAccount.",
            "let the association's own role have what a push needs; or list this exact ARN in awsPrincipals.",
        )


def _azure(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    subject, issuer = str(inputs.get("subject", "")), str(inputs.get("issuer", ""))
    if "claimsMatchingExpression" in inputs or not _is_one_account(subject):
        yield Finding(
            f"the federated credential {resource.name} accepts the subject {subject or 'of an expression'}.",
            "set subject to exactly system:serviceaccount:NAMESPACE:NAME, and no claimsMatchingExpression.",
        )
    audiences = [str(item) for item in sequence(inputs.get("audiences"))]
    if not audiences or not set(audiences) <= set(resource.listed("azureAudiences")):
        yield Finding(
            f"the federated credential {resource.name} accepts tokens issued for {', '.join(audiences) or 'anything'}.",
            f"set audiences to exactly [{AZURE_AUDIENCE}].",
        )
    if not issuer.startswith("https://") or is_inexact(issuer):
        yield Finding(
            f"the federated credential {resource.name} trusts the issuer {issuer or '(none)'}.",
            "give the cluster's exact issuer, with https:// and the slash at its end.",
        )


def _google(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    role = str(inputs.get("role", ""))
    forms = [WORKLOAD, DIRECT]
    if role not in ACTING_ROLES:
        forms.append(_GOOGLE_ACCOUNT)
    members = [str(item) for item in (*sequence(inputs.get("member")), *sequence(inputs.get("members")))]
    for member in members:
        known = any(form.fullmatch(member) for form in forms) and not is_inexact(member)
        if not known and not is_listed(member, resource.listed("googleMembers")):
            yield Finding(
                f"{resource.name} gives {role or 'a role'} to {member}, which is not one exact account.",
                "name one service account, or one ServiceAccount of a namespace; or list this member in googleMembers.",
            )
    if not members:
        yield Finding(
            f"{resource.name} replaces a whole IAM policy, so a preview cannot show who gains or loses what.",
            "use one IAM member resource for each member.",
        )


def _kubernetes(resource: Resource) -> Iterator[Finding]:
    for item in sequence(resource.inputs.get("subjects")):
        subject = mapping(item)
        name = str(subject.get("name", ""))
        if subject.get("kind") != "ServiceAccount" and (is_inexact(name) or _EVERYBODY.fullmatch(name)):
            yield Finding(
                f"the binding {resource.name} gives its role to {name}, which is many accounts.",
                "name the one ServiceAccount that builds images.",
            )


EXACT_TRUST = Rule(
    name="exact-trust-subjects",
    title="Trust names exact subjects",
    description=(
        "Trust names exactly which ServiceAccount may act as an identity, and for which audience: with a wildcard, or "
        "without one of them, other namespaces, clusters or tenants could push images as it."
    ),
    remedy="Name namespace and ServiceAccount without wildcards, and the one audience of the cloud.",
    check=_check,
    severity="critical",
    settings={
        "awsAudiences": strings("audiences of tokens that AWS roles may accept", [AUDIENCE]),
        "azureAudiences": strings("audiences of tokens that Azure identities may accept", AUDIENCES),
        "awsPrincipals": strings(
            "other principals that roles, repositories and registries may trust", [CREATION_SERVICE]
        ),
        "googleMembers": strings("other IAM members that may be granted roles"),
    },
)
