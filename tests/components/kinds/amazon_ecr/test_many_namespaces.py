"""One to 2,000 namespaces: every document within IAM's limits, no two names the same, and no namespace touches another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.iam_documents import INLINE_POLICY_LIMIT
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, Irsa, PodIdentity
from mendix_registry.settings.stack import Settings
from mendix_registry.stack_file import ConfigurationError
from tests.components.kinds.amazon_ecr.stack import IRSA, POD_IDENTITY, STATIC, deployed, settings
from tests.components.program import Recording

pytestmark = pytest.mark.slow

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
NAMES = st.sets(LABEL, min_size=1, max_size=12).map(sorted)
METHODS = [IRSA, POD_IDENTITY, STATIC]


def parts(given: Settings) -> tuple[AmazonEcrRegistry, Irsa | PodIdentity]:
    assert isinstance(given.registry, AmazonEcrRegistry)
    assert isinstance(given.registry.authentication, Irsa | PodIdentity)
    return given.registry, given.registry.authentication


def shared(authentication: dict[str, Any], number: int, **roles: Any) -> dict[str, Any]:
    return {**authentication, "roles": {"shared": number, **roles}}


def sent(recording: Recording) -> dict[str, Any]:
    """What every resource was asked to be. Components are nothing outside the state; their inputs list what is below them."""
    return {item.urn: (item.inputs, item.parent, item.import_id) for item in recording.registered if item.custom}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Type and name of every resource that a preview would show as anything but the same."""
    return {
        "::".join(urn.rsplit("::", 2)[-2:]).rpartition("$")[2]
        for urn in before.keys() | after.keys()
        if before.get(urn) != after.get(urn)
    }


@pytest.mark.slow
@given(count=st.integers(1, 2000), limit=st.sampled_from([2048, 4096, 8192]), pods=st.booleans())
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_advised_role_count_keeps_documents_within_limits(count: int, limit: int, pods: bool) -> None:
    names = [f"mendix-{'x' * (number % 40)}-{number:04d}" for number in range(count)]
    given = settings((POD_IDENTITY if pods else IRSA), names)
    registry, method = parts(given)
    method = method.model_copy(
        update={"roles": method.roles.model_copy(update={"shared": 1, "trust_policy_limit": limit})}
    )
    number = ecr_plan.enough_roles(given, registry, method)
    assert number is not None
    plans = ecr_plan.role_plans(method.roles.model_copy(update={"shared": number}), given.namespaces)
    assert sorted(n.name for plan in plans for n in plan.namespaces) == sorted(names)
    for plan in plans:
        assert ecr_plan.trust_length(registry, method, plan.subjects) <= limit
        assert ecr_plan.policy_length(given, registry, plan) <= INLINE_POLICY_LIMIT


@given(names=NAMES, limit=st.sampled_from([2048, 8192]))
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("authentication", [IRSA, POD_IDENTITY], ids=lambda a: a["method"])
def test_the_measured_length_is_the_length_that_is_sent(
    authentication: dict[str, Any], names: list[str], limit: int
) -> None:
    given = settings(shared(authentication, 3, trustPolicyLimit=limit), names)
    registry, method = parts(given)
    recording, _ = deployed(given)
    for plan in ecr_plan.role_plans(method.roles, given.namespaces):
        trust = recording.one("aws:iam/role:Role", plan.key).inputs["assumeRolePolicy"]
        assert len(trust) == ecr_plan.trust_length(registry, method, plan.subjects) <= limit
        policy = recording.one("aws:iam/rolePolicy:RolePolicy", plan.key).inputs["policy"]
        assert len(policy) == ecr_plan.policy_length(given, registry, plan)


@given(names=NAMES, new=LABEL)
@hypothesis_settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("authentication", METHODS, ids=lambda a: a["method"])
def test_another_namespace_creates_only_its_own_resources(
    authentication: dict[str, Any], names: list[str], new: str
) -> None:
    assume(new not in names)
    before = sent(deployed(settings(authentication, names))[0])
    after = sent(deployed(settings(authentication, [*names, new]))[0])
    assert before.items() <= after.items()
    own = {
        f"aws:ecr/repository:Repository::registry/mendixapps/{new}",
        f"aws:ecr/lifecyclePolicy:LifecyclePolicy::registry/mendixapps/{new}",
    }
    own |= {
        "irsa": {
            f"aws:iam/role:Role::{new}",
            f"aws:iam/rolePolicy:RolePolicy::{new}",
        },
        "pod-identity": {
            f"aws:iam/role:Role::{new}",
            f"aws:iam/rolePolicy:RolePolicy::{new}",
            f"aws:eks/podIdentityAssociation:PodIdentityAssociation::{new}",
        },
        "static": {
            f"aws:iam/user:User::{new}",
            f"aws:iam/userPolicy:UserPolicy::{new}",
            f"aws:iam/accessKey:AccessKey::{new}-1",
        },
    }[authentication["method"]]
    assert changed(before, after) == own


@given(names=NAMES, new=LABEL)
@hypothesis_settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("authentication", [IRSA, POD_IDENTITY], ids=lambda a: a["method"])
def test_another_namespace_changes_one_shared_role_only(
    authentication: dict[str, Any], names: list[str], new: str
) -> None:
    assume(new not in names)
    before = sent(deployed(settings(shared(authentication, 4), names))[0])
    after = sent(deployed(settings(shared(authentication, 4), [*names, new]))[0])
    roles = {item for item in changed(before, after) if "Role::shared-" in item or "RolePolicy::shared-" in item}
    assert len({item.rpartition("::")[2] for item in roles}) == 1
    others = changed(before, after) - roles
    assert all(item.rpartition("::")[2] in (new, f"registry/mendixapps/{new}") for item in others)


@given(names=st.sets(LABEL, min_size=2, max_size=40))
@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_two_roles_have_one_name_whatever_its_case(names: set[str]) -> None:
    # IAM compares names without case.
    prefix = "a-prefix-of-the-forty-characters-allowed"
    recording, _ = deployed(settings({**IRSA, "roles": {"namePrefix": prefix}}, sorted(names)))
    made = [item.inputs["name"] for item in recording.of_type("aws:iam/role:Role")]
    assert all(len(name) <= 64 for name in made)
    assert len({name.lower() for name in made}) == len(names)


def test_too_few_shared_roles_are_rejected_with_a_remedy() -> None:
    names = [f"mendix-namespace-{number:04d}" for number in range(500)]
    with pytest.raises(ConfigurationError) as caught:
        settings(shared(IRSA, 2), names)
    (problem,) = caught.value.problems
    assert problem.path.endswith("authentication.roles.shared")
    number = int(problem.remedy.split("shared: ")[1].split(",")[0])
    assert settings(shared(IRSA, number), names)
