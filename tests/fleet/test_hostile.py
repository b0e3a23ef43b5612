"""Whatever stands in a fleet file, the command ends with a report, never with a traceback."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.fleet_file import Fleet
from fleet.members import read_members
from fleet.operator import operator_problems
from fleet.plan import make_plan
from fleet.plan_text import plan_text
from fleet.problems import FleetError
from fleet.shared import shared_problems
from fleet.stacks import make_stacks
from tests.fleet.conftest import AWS, AZURE, GENERIC, GOOGLE, OPERATOR, fleet_content, names

KEYS = st.sampled_from(
    [
        *(
            "type",
            "repository",
            "authentication",
            "method",
            "roles",
            "existing",
            "import",
            "shared",
            "passwords",
            "users",
        ),
        *("name", "repositories", "environment", "file", "secure", "namePrefix", "oidcProvider", "nodeRoles", "a"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from(["", "{stack}", "{namespace}", "irsa", "a/b", "x" * 70])
)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=8)


def everything(content: dict[str, Any]) -> None:
    with contextlib.suppress(FleetError, ValidationError):
        fleet = Fleet.model_validate(content, by_alias=True, by_name=False)
        operator_problems(fleet)
        stacks = make_stacks(fleet, read_members(fleet.namespaces, Path("/nowhere")), {}, Path("/nowhere"))
        tuple(shared_problems(fleet, stacks))
        assert plan_text(make_plan(fleet, stacks))


@given(st.sampled_from([AWS, AZURE, GENERIC, GOOGLE]), KEYS, VALUES)
def test_any_value_in_the_registry(registry: dict[str, Any], key: str, value: Any) -> None:
    everything(fleet_content({**registry, key: value}, 5, 2))
    everything(fleet_content({**registry, "authentication": {**registry["authentication"], key: value}}, 5, 2))


@given(VALUES)
def test_any_value_for_the_namespaces(value: Any) -> None:
    everything(fleet_content(namespaces=value))
    everything(fleet_content(namespaces=[*names(3), value]))


@given(st.sampled_from(["name", "stacks", "config", "state", "quotas", "rollout", "operator"]), VALUES)
def test_any_value_at_the_top(key: str, value: Any) -> None:
    everything({**fleet_content(namespaces=3, operator=OPERATOR), key: value})
