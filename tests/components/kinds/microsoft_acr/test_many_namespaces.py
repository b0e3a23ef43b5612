"""1 to 2,000 namespaces: Azure's limits hold, no two names meet, and one that comes or goes changes nothing of the others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as configure
from hypothesis import strategies as st

from mendix_registry.kinds.microsoft_acr import plan as acr_plan
from mendix_registry.kinds.microsoft_acr.identity import credential_name
from mendix_registry.kinds.microsoft_acr.roles import assignment_name, repository_condition
from mendix_registry.kinds.microsoft_acr.rules import CONDITION_LENGTH
from mendix_registry.kinds.microsoft_acr.settings import (
    CREDENTIALS_PER_IDENTITY,
    TokenAuthentication,
    WorkloadIdentityAuthentication,
)
from mendix_registry.stack_file import ConfigurationError
from tests.components.kinds.microsoft_acr.conftest import ISSUER, NEW, WORKLOAD_IDENTITY, Acr, read
from tests.components.program import Recording

pytestmark = pytest.mark.slow

LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
ALIKE = st.builds(lambda end: "n" * (63 - len(end)) + end, st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True))
"""Namespaces as long as can be that differ at their ends only."""
NAMES = st.lists(LABEL | ALIKE, min_size=1, max_size=60, unique=True)
NUMBERED = [f"mendix-{number:02d}" for number in range(24)]
QUIET: dict[str, Any] = {"builder": {"mode": "none"}, "operatorConfiguration": {"adopt": "none"}}


@configure(max_examples=50, deadline=None)
@given(NAMES, st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,39}", fullmatch=True))
def test_token_names_are_valid_and_unique(names: list[str], prefix: str) -> None:
    authentication = TokenAuthentication(method="token", passwords={}, name_prefix=prefix)
    made = [authentication.token_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9-]{5,50}", name) for name in made)


SERVICE_ACCOUNT = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,240}[a-z0-9])?", fullmatch=True)


@configure(max_examples=50, deadline=None)
@given(NAMES, st.lists(SERVICE_ACCOUNT, min_size=1, max_size=3, unique=True))
def test_credential_names_are_valid_and_unique(names: list[str], accounts: list[str]) -> None:
    issuers = (ISSUER, "https://oidc.example.com")
    made = [credential_name(n, a, i) for n in names for a in accounts for i in issuers]
    assert len(set(made)) == len(made)
    # The pattern stands in azure-mgmt-msi.
    assert all(re.fullmatch(r"[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}", name) for name in made)


def test_namespace_and_service_account_stay_distinct_in_names() -> None:
    assert credential_name("a", "b-c", ISSUER) != credential_name("a-b", "c", ISSUER)
    assert credential_name("a", "b.c", ISSUER) != credential_name("a", "b-c", ISSUER)


def test_an_assignments_name_never_changes() -> None:
    """A new name for the same three would be a second assignment, which Azure refuses (RoleAssignmentExists)."""
    scope = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    name = assignment_name(scope, "A0000000-0000-0000-0000-000000000001", "8311e382-0749-4cb8-b61a-304f252e45ec")
    assert name == "110f772f-dbd7-5e54-a246-7a37468024ee"
    same = assignment_name(
        scope.upper(), "a0000000-0000-0000-0000-000000000001", "8311e382-0749-4cb8-b61a-304f252e45ec"
    )
    assert same == name


@pytest.mark.slow
@configure(max_examples=25, deadline=None)
@given(
    st.integers(1, 2000),
    st.integers(1, 100),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(["{namespace}", "apps/{namespace}", "a" * 80 + "/{namespace}"]),
)
def test_what_the_rules_let_pass_is_within_azures_limits(
    count: int, shared: int, clusters: int, below: bool, repository: str
) -> None:
    issuers = [ISSUER, *(f"https://oidc-{number}.example.com" for number in range(1, clusters))]
    authentication = {"method": "workload-identity", "issuerUrls": issuers, "sharedIdentities": shared}
    names = [f"mendix-{number:04d}" for number in range(count)]
    registry = {**NEW, "authentication": authentication, "repository": repository, "includeSubrepositories": below}
    try:
        settings = read(registry, names, **QUIET)
    except ConfigurationError as error:
        assert all(problem.remedy for problem in error.problems)
        return
    parsed = settings.registry.authentication
    assert isinstance(parsed, WorkloadIdentityAuthentication)
    identities = acr_plan.identities(settings, parsed)
    assert sorted(n.name for members in identities.values() for n in members) == names
    for members in identities.values():
        assert len(members) * clusters <= CREDENTIALS_PER_IDENTITY
        condition = repository_condition([settings.repository(n) for n in members], below=below)
        assert len(condition) <= CONDITION_LENGTH


@pytest.mark.parametrize("count", [1, 21, 100, 1000, 2000])
def test_the_remedy_names_a_sufficient_number_of_identities(count: int) -> None:
    names = [f"mendix-{number:04d}" for number in range(count)]
    registry = {**NEW, "roleAssignmentMode": "classic", "authentication": {**WORKLOAD_IDENTITY, "sharedIdentities": 1}}
    try:
        read(registry, names)
    except ConfigurationError as error:
        [problem] = error.problems
        found = re.search(r"sharedIdentities: (\d+)", problem.remedy)
        if found is None:
            assert problem.remedy.endswith("its own identity") and count > 1000
            return
        registry["authentication"] = {**WORKLOAD_IDENTITY, "sharedIdentities": int(found[1])}
        read(registry, names)
    else:
        assert count <= CREDENTIALS_PER_IDENTITY


def differences(before: Recording, after: Recording) -> dict[str, set[str]]:
    """The steps of an update from one to the other: which URNs are created, updated (their inputs differ) and deleted. Without
    components, which are nothing outside the state: their inputs list what is below them."""
    old, new = (
        {item.urn: item.inputs for item in recording.registered if item.custom} for recording in (before, after)
    )
    return {
        "create": new.keys() - old.keys(),
        "update": {urn for urn in new.keys() & old.keys() if new[urn] != old[urn]},
        "delete": old.keys() - new.keys(),
    }


@pytest.mark.parametrize("method", ["own", "shared", "token"])
def test_adding_or_removing_a_namespace_changes_its_resources_only(acr: Acr, method: str) -> None:
    def deployed(names: list[str]) -> Recording:
        authentication: dict[str, Any] = {
            "own": WORKLOAD_IDENTITY,
            "shared": {**WORKLOAD_IDENTITY, "sharedIdentities": 4},
            "token": {"method": "token", "passwords": dict.fromkeys(names, "pending")},
        }[method]
        return acr({**NEW, "authentication": authentication}, names, **QUIET)

    few, many = deployed(NUMBERED), deployed([*NUMBERED[:5], "between", *NUMBERED[5:]])
    coming, going = differences(few, many), differences(many, few)
    for steps, own, nothing in ((coming, "create", "delete"), (going, "delete", "create")):
        assert not steps[nothing]
        # A new identity, should the namespace be the first of its number, has the number for a name.
        assert all(
            "between" in urn.rsplit("::", 1)[1] for urn in steps[own] if "Credential" in urn or method != "shared"
        )
        # The one document that must list a shared identity's repositories is its role's condition.
        assert len(steps["update"]) == (1 if method == "shared" else 0)
        assert all("RoleAssignment" in urn for urn in steps["update"])
