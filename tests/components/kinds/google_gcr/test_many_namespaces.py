"""Many namespaces: names within Google's limits that never meet, and changes that stay where they belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendix_registry.kinds.google_gcr.limits import MAXIMUM_PRINCIPALS
from mendix_registry.kinds.google_gcr.settings import WorkloadIdentity
from tests.components.kinds.google_gcr.google import ACCOUNT_MEMBER, REPOSITORY_MEMBER, custom, judge, place, stack
from tests.components.program import Registered
from tests.oracles.google.discovery import account_id_grammar

pytestmark = pytest.mark.slow

NAMESPACE = st.from_regex(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
FAMILY = st.builds("{}-{:04}".format, st.sampled_from(["n" * 58, "team", "m" * 23]), st.integers(0, 9999))
SHORT = (NAMESPACE | FAMILY).filter(lambda name: len(name) <= 61)
MANY = st.lists(NAMESPACE | FAMILY, min_size=1, max_size=2000, unique=True)


@given(MANY)
@settings(max_examples=30, deadline=None)
def test_every_namespace_has_an_account_with_a_valid_id(names: list[str]) -> None:
    pattern, least, most = account_id_grammar()
    authentication = WorkloadIdentity(method="workload-identity")
    ids = [authentication.account_id(name) for name in names]
    assert len(set(ids)) == len(names)
    for account in ids:
        assert pattern.fullmatch(account) and least <= len(account) <= most


def test_similar_long_namespaces_get_two_thousand_different_accounts() -> None:
    authentication = WorkloadIdentity(method="workload-identity")
    names = [f"{'customer-with-a-long-name-' * 2}{number:04}" for number in range(2000)]
    assert len({authentication.account_id(name) for name in names}) == 2000


@given(MANY, st.integers(1, 100))
@settings(max_examples=30, deadline=None)
def test_shards_keep_their_number_and_their_namespaces(names: list[str], shards: int) -> None:
    authentication = WorkloadIdentity(method="workload-identity", shards=shards)
    before = {name: authentication.account_id(name) for name in names}
    after = {name: authentication.account_id(name) for name in [*names, "one-more"]}
    assert len(set(before.values())) <= shards
    assert {name: after[name] for name in names} == before


def test_two_thousand_namespaces_in_fifty_shards_keep_policies_small() -> None:
    names = [f"team-{number:04}" for number in range(2000)]
    stack(*names, authentication={"shards": 50})
    authentication = WorkloadIdentity(method="workload-identity", shards=50)
    users = [authentication.account_id(name) for name in names]
    assert max(users.count(account) for account in set(users)) < MAXIMUM_PRINCIPALS / 10


FORMS: dict[str, dict[str, Any]] = {
    "one account each": {},
    "shards": {"authentication": {"shards": 3}},
    "direct": {"direct": True},
    "one repository": {"repository": "example-mendix/all/{namespace}"},
    "gcr.io": {"pushHost": "eu.gcr.io", "repository": "example-mendix/{namespace}", "direct": True},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_adding_or_removing_a_namespace_changes_only_its_resources(form: dict[str, Any]) -> None:
    names = [f"team-{number}" for number in range(20)]
    few = _by_urn(custom(place(stack(*names, **form))))
    # First, so that nothing may depend on the order either.
    more = _by_urn(custom(place(stack("newcomer", *names, **form))))
    assert {urn: more.get(urn) for urn in few} == few
    added = [item for urn, item in more.items() if urn not in few]
    assert 1 <= len(added) <= 4
    for item in added:
        assert "newcomer" in str(item), item


@given(st.lists(SHORT, min_size=1, max_size=15, unique=True), st.sampled_from(sorted(FORMS)))
@settings(max_examples=15, deadline=None)
def test_resource_names_are_unique_and_every_namespace_has_one(names: list[str], form: str) -> None:
    # An Artifact Registry repository begins with a letter, a namespace need not.
    recording = place(stack(*names, **{"repository": "example-mendix/a-{namespace}/apps", **FORMS[form]}))
    items = custom(recording)
    assert len({item.urn for item in items}) == len(items)
    assert judge(items) == len(items)
    token = REPOSITORY_MEMBER if FORMS[form].get("direct") else ACCOUNT_MEMBER
    named = sorted(item.inputs["member"] for item in recording.of_type(token))
    assert named == sorted(_member(name, direct=FORMS[form].get("direct", False)) for name in names)


def test_resource_names_with_other_dashes_never_collide() -> None:
    odd = [
        {"name": "a-a", "serviceAccount": {"name": "x"}},
        {"name": "a", "serviceAccount": {"name": "a-a-x"}},
        {"name": "a-b", "repository": "example-c/repo/apps", "serviceAccount": {"name": "y"}},
        {"name": "a-b-example", "repository": "example-c-repo/d/apps"},
    ]
    items = custom(place(stack(*odd)))
    assert len({item.urn for item in items}) == len(items)


def _member(namespace: str, *, direct: bool) -> str:
    pool = "example-mendix.svc.id.goog"
    if not direct:
        return f"serviceAccount:{pool}[{namespace}/mendix-builder]"
    return (
        f"principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/{pool}"
        f"/subject/ns/{namespace}/sa/mendix-builder"
    )


def _by_urn(items: Iterable[Registered]) -> dict[str, tuple[Any, ...]]:
    shown: Callable[[Registered], tuple[Any, ...]] = lambda i: (i.name, i.inputs, i.parent, i.dependencies)  # noqa: E731
    return {item.urn: shown(item) for item in items}
