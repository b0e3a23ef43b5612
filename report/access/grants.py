"""Joins what all modules found into grants: which namespace's ServiceAccount may do what, where, under which identity."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from report.access import aws, azure, gcp, kubernetes
from report.access.facts import ITSELF, NOBODY, NOT_KNOWN, Facts, Permission, Trust
from report.access.world import World, cluster_name, known_cluster_name
from report.preview import StackPreview
from report.values import listing, mapping, text

NOT_SHOWN: Final = "(not in this preview)"
"""Stands where an unchanged resource would show more, but the preview lists only what changes."""

ORDER: Final = ("pull", "push", "create", "delete", "administer", NOT_KNOWN, NOT_SHOWN)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One way from a namespace to a repository.

    ``verbs``: of ``pull``, ``push``, ``delete``, ``administer``. ``assumed``: no resource of the preview shows it; the
    stack's own outputs of its last update do, and nothing listed contradicts them.
    """

    cluster: str
    namespace: str
    service_account: str
    identity: str
    how: str
    host: str
    repository: str
    verbs: tuple[str, ...]
    stack: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A stack's grants before and after."""

    stack: str
    before: tuple[Grant, ...]
    after: tuple[Grant, ...]
    partial: bool
    """Whether unchanged resources are missing from the preview."""


def access(stack: StackPreview, old: World, new: World) -> Access:
    """Who may do what in this stack, before (in the world ``old``) and after (in ``new``)."""
    was, becomes = _facts(old), _facts(new)
    # Of both sides: where trust moves to another issuer, the name of the one cluster must not hide it.
    issuers = {trust.issuer for facts in (*was, *becomes) for trust in facts.trusts if trust.issuer}
    before, after = _grants(old, was, issuers), _grants(new, becomes, issuers)
    before = _with_repositories(before, old, old)
    after = _with_repositories(after, new, old)
    shown = {grant.namespace for grant in (*before, *after)}
    before |= _assumed(old, old, shown)
    after |= _assumed(old, new, shown)
    steps = stack.preview.steps or ()
    same = (stack.preview.change_summary or {}).get("same", 0)
    listed = sum(step.op == "same" for step in steps)
    return Access(stack.name, tuple(sorted(before)), tuple(sorted(after)), partial=same > listed)


def _facts(world: World) -> list[Facts]:
    return [room.facts(world) for room in (aws, azure, gcp, kubernetes)]


def _grants(world: World, facts: Iterable[Facts], issuers: Collection[str]) -> set[Grant]:
    trusts: dict[str, list[Trust]] = {}
    permissions: dict[str, list[Permission]] = {}
    for found in facts:
        for trust in found.trusts:
            trusts.setdefault(trust.identity, []).append(trust)
        for permission in found.permissions:
            permissions.setdefault(permission.identity, []).append(permission)
    accounts = _accounts(world)
    merged: dict[tuple[str, str, str, str, str, str, str], set[str]] = {}
    for key in trusts.keys() | permissions.keys():
        allowed = permissions.get(key) or [Permission(key, "", "", NOT_SHOWN, (NOT_SHOWN,))]
        allowed = [permission for permission in allowed if permission.verbs]
        shown = next((each.shown for each in allowed if each.shown), NOT_KNOWN)
        for trust in trusts.get(key) or [Trust(key, shown, "", NOT_SHOWN, "", "")]:
            if trust.namespace == NOBODY:
                continue
            account = trust.service_account or accounts.get(trust.namespace, "")
            who = (_cluster(world, trust.issuer, issuers), trust.namespace, account, trust.shown, trust.how)
            for permission in allowed:
                merged.setdefault((*who, permission.host, permission.repository), set()).update(permission.verbs)
    found = {
        Grant(*parts, verbs=tuple(sorted(verbs, key=ORDER.index)), stack=world.stack) for parts, verbs in merged.items()
    }
    return found | _by_jobs(world, {trust.namespace for each in trusts.values() for trust in each})


def _by_jobs(world: World, explained: Container[str]) -> set[Grant]:
    """Grants of namespaces whose identity this stack does not make (an existing role, OpenShift's own binding): the builder Job
    will prove that the push works, so the report shows it, with the identity."""
    annotated = {
        (account.namespace, account.object_name): annotation
        for account in world.of("kubernetes:core/v1:ServiceAccount")
        for key in _IDENTITY_ANNOTATIONS
        if (annotation := account.text("metadata", "annotations", key))
    }
    found: set[Grant] = set()
    for job in world.of("kubernetes:batch/v1:Job"):
        variables = kubernetes.push_settings(job)
        if not variables or job.namespace in explained:
            continue
        account = kubernetes.job_account(job)
        own = variables.get("CREDENTIALS") == "token"
        identity = ITSELF if own else annotated.get((job.namespace, account), "") or ITSELF
        found.add(
            Grant(
                cluster_name(world),
                job.namespace,
                account,
                identity.rsplit("/", 1)[-1],
                "its own token" if own else "made elsewhere",
                variables["PUSH_HOST"] or NOT_KNOWN,
                variables["REPOSITORY"] or NOT_KNOWN,
                ("push",),
                world.stack,
                assumed=True,
            )
        )
    return found


_IDENTITY_ANNOTATIONS: Final = (
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
)


def _cluster(world: World, issuer: str, issuers: Collection[str]) -> str:
    """The stack file's name of the cluster, where all trust before and after is in one and the same issuer; else the issuer."""
    named = known_cluster_name(world)
    if not issuer or (named and len(issuers) == 1):
        return named or world.stack
    # oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE, or Google's workload pool
    first, *rest = issuer.split("/")
    return f"{rest[-1]} ({first})" if rest else issuer


def _accounts(world: World) -> Mapping[str, str]:
    """The builder's ServiceAccount of each namespace, where the preview shows exactly one."""
    found: dict[str, set[str]] = {}
    for account in world.of("kubernetes:core/v1:ServiceAccount"):
        found.setdefault(account.namespace, set()).add(account.object_name)
    for job in world.of("kubernetes:batch/v1:Job"):
        if kubernetes.push_settings(job):
            found.setdefault(job.namespace, set()).add(kubernetes.job_account(job))
    return {namespace: next(iter(names)) for namespace, names in found.items() if len(names) == 1}


def _with_repositories(grants: set[Grant], world: World, old: World) -> set[Grant]:
    """Fills in what a permission that is not listed, or not known before the update, would show.

    The stack's own word is good enough for that: its builder Job proves in the same update that exactly this push works.
    """
    claimed = _claims(world, old)
    result: set[Grant] = set()
    for grant in grants:
        claim = claimed.get(grant.namespace)
        if grant.repository == NOT_SHOWN and claim:
            grant = replace(grant, host=claim[0], repository=claim[1], verbs=("push",), assumed=True)
        elif claim and grant.repository == claim[1]:
            verbs = ("push",) if grant.verbs == (NOT_KNOWN,) else grant.verbs
            # A registry's name is no host yet.
            host = claim[0] if claim[0] and "." not in grant.host else grant.host
            grant = replace(grant, host=host, verbs=verbs)
        result.add(grant)
    return result


def _claims(world: World, old: World) -> dict[str, tuple[str, str]]:
    """Host and repository that builds of a namespace push to, by the stack's own word: as it was, unless a Job differs."""
    claims: dict[str, tuple[str, str]] = {}
    for name, entry in mapping(old.stack_outputs.get("namespaces")).items():
        claims[name] = (
            text(mapping(old.stack_outputs.get("registry")).get("pushHost")),
            text(mapping(entry).get("repository")),
        )
    for job in world.of("kubernetes:batch/v1:Job"):
        if variables := kubernetes.push_settings(job):
            claims[job.namespace] = (variables["PUSH_HOST"], variables["REPOSITORY"])
    return {name: claim for name, claim in claims.items() if claim[1]}


def _assumed(old: World, side: World, shown: Iterable[str]) -> set[Grant]:
    """Grants of namespaces that no listed resource describes: as the last update left them."""
    seen = set(shown)
    registry = mapping(old.stack_outputs.get("registry"))
    configured = {text(mapping(entry).get("name")) for entry in listing(side.settings.get("namespaces"))}
    result: set[Grant] = set()
    for name, entry in mapping(old.stack_outputs.get("namespaces")).items():
        gone = side is not old and configured and name not in configured
        repository = text(mapping(entry).get("repository"))
        if name in seen or gone or not repository:
            continue
        result.add(
            Grant(
                cluster_name(side),
                name,
                text(mapping(entry).get("serviceAccount")),
                # As it is named where its role is listed.
                re.sub(r"^arn:[^:]*:iam::\d*:(?:role|user)/", "", text(mapping(entry).get("pushedAs"))) or NOT_SHOWN,
                "as last deployed",
                text(registry.get("pushHost")),
                repository,
                ("push",),
                side.stack,
                assumed=True,
            )
        )
    return result
