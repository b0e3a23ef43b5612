"""The policies that the page asks readers to paste, judged as the program's own are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from mendix_registry.kinds.amazon_ecr.iam_documents import PUSH_ACTIONS
from mendix_registry.stack_file import parse
from tests.components.kinds.amazon_ecr import iam_oracle

PAGE = (Path(__file__).parents[4] / "docs" / "kinds" / "amazon-ecr.md").read_text(encoding="utf-8")
POLICIES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
STACKS = sorted((Path(__file__).parents[4] / "stacks").glob("Pulumi.example-amazon-ecr-*.yaml"))


def test_the_deploying_identitys_policy_is_real_and_clean() -> None:
    policy = POLICIES[-1]
    assert iam_oracle.unknown_actions(policy) == set()
    assert iam_oracle.findings(policy) == []


def test_the_repository_policy_allows_push_roles_and_pulling_nodes() -> None:
    """The incident: with the push alone, every pod whose image was in another account ended in ImagePullBackOff."""
    push, pull = iam_oracle.statements(POLICIES[0])
    assert tuple(push["Action"]) == PUSH_ACTIONS
    assert set(pull["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }


def test_a_boundary_can_be_added_and_removed_later() -> None:
    """The page recommends a boundary; its policy did not allow the calls that set one on a role that exists."""
    allowed = {action for statement in iam_oracle.statements(POLICIES[-1]) for action in statement["Action"]}
    owners = [f"iam:{verb}{owner}PermissionsBoundary" for owner in ("Role", "User") for verb in ("Put", "Delete")]
    assert set(owners) <= allowed


@pytest.mark.parametrize("page", ["amazon-ecr", "google-gcr", "microsoft-acr"])
def test_each_clouds_page_links_to_the_cluster_rights(page: str) -> None:
    kinds = Path(__file__).parents[4] / "docs" / "kinds"
    assert "generic.md#the-rights-of-whoever-deploys" in (kinds / f"{page}.md").read_text(encoding="utf-8")


def test_the_smallest_stack_file_is_accepted() -> None:
    block = next(text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if text.startswith("config:"))
    values = {key: json.dumps(value) for key, value in yaml.safe_load(block)["config"].items()}
    assert parse(values).settings.registry.type == "amazon-ecr"


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_an_example_stack_file_is_accepted(path: Path) -> None:
    values = {key: json.dumps(value) for key, value in yaml.safe_load(path.read_text())["config"].items()}
    reading = parse(values)
    assert reading.settings.push_host == "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_there_is_an_example_of_each_method() -> None:
    methods = {parse_method(path) for path in STACKS}
    assert methods == {"irsa", "pod-identity", "static"}


def parse_method(path: Path) -> str:
    return yaml.safe_load(path.read_text())["config"]["mendix-registry:registry"]["authentication"]["method"]
