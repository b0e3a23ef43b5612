"""The project's own program, previewed by Pulumi's CLI for every kind of registry, then reported: what the components really
register is understood, before anything exists.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from report.comment import LIMITS, comment
from report.page import write_page
from report.preview import read_preview
from report.summary import StackReport, summarize
from tests.pulumi_cli import PulumiProject
from tests.report.registries import ACR, ECR, ECR_POD_IDENTITY, ECR_STATIC, GAR, GENERIC, IRSA, OPENSHIFT

pytestmark = pytest.mark.slow

NAMESPACES = [{"name": "orders"}, {"name": "billing"}]


def preview(folder: Path, registry: dict[str, Any]) -> StackReport:
    """The report of a first preview of a stack of ``registry``."""
    project = PulumiProject(folder, {"REGISTRY_PASSWORD": "hunter2-of-the-registry"})
    keys = {"registry": registry, "namespaces": NAMESPACES, "cluster": {"context": "prod"}}
    project.stack("prod", {f"mendix-registry:{key}": value for key, value in keys.items()})
    return summarize(read_preview(json.dumps(project.preview("prod")).encode(), "prod.json"))


EXISTING_ROLE = {**IRSA, "roles": {"existingForAll": "arn:aws:iam::123456789012:role/mendix-builder"}}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # The registry's settings, how orders proves who it is, and where it may push.
    "ecr-irsa": (ECR, "IAM role (IRSA)", "mendixapps/orders"),
    "ecr-existing-role": ({**ECR, "authentication": EXISTING_ROLE}, "made elsewhere", "mendixapps/orders"),
    "ecr-pod-identity": (ECR_POD_IDENTITY, "IAM role (Pod Identity)", "mendixapps/orders"),
    "ecr-static": (ECR_STATIC, "IAM user, key in Secret mendix-registry", "mendixapps/orders"),
    "acr-workload-identity": (ACR, "managed identity (federated credential)", "mendixapps/orders"),
    "gar-workload-identity": (GAR, "Google service account (workload identity)", "example-mendix/orders"),
    "gar-direct": (
        {**GAR, "authentication": {"method": "direct", "projectNumber": "123456789012"}},
        "itself (workload identity, direct)",
        "example-mendix/orders",
    ),
    "openshift4": (OPENSHIFT, "its own token", "orders/*"),
    "generic": (GENERIC, "user and password in a Secret", "mendixapps/orders"),
    "anonymous": ({**GENERIC, "authentication": "none"}, "without authentication", "mendixapps/orders"),
}


@pytest.mark.parametrize("kind", CASES)
def test_first_previews_of_each_kind_show_who_gains_push(kind: str, tmp_path: Path) -> None:
    registry, how, repository = CASES[kind]
    stack = preview(tmp_path, registry)
    gained = {
        (sentence.namespace, sentence.repository)
        for sentence in stack.sentences
        if sentence.sign == "gains" and "push" in sentence.what
    }
    assert {("orders", repository), ("billing", repository.replace("orders", "billing"))} <= gained, stack.access
    assert {grant.how for grant in stack.access.after if grant.namespace == "orders"} == {how}
    assert {grant.service_account for grant in stack.access.after if grant.namespace == "orders"} == {
        "builder" if kind == "openshift4" else "mendix-builder"
    }
    assert {sentence.sign for sentence in stack.sentences} == {"gains"}
    assert not [risk for risk in stack.risks if risk.kind in ("broad access", "data loss", "protection removed")]
    assert "hunter2" not in comment([stack], LIMITS["gitlab"]) + write_page([stack])
