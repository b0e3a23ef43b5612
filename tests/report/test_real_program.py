"""The project's own program, previewed by the engine for every kind of registry, then reported: what the components really
register is understood, before anything exists and when it is all there.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from report.comment import LIMITS, comment
from report.page import write_page
from report.preview import read_preview
from report.summary import StackReport, summarize

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# A provider that agrees to everything and computes nothing.
PROVIDER = ROOT / "bench" / "plugin" / "pulumi-resource-bench"
HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/5C4F0E1D2B3A49588776655443322110"
NAMESPACES = [{"name": "orders"}, {"name": "billing"}]


def preview(folder: Path, registry: dict[str, Any], **more: Any) -> StackReport:
    """The report of a first preview of a stack of ``registry``."""
    from rehearsal.cli.digest import PreviewDigest
    from rehearsal.engine import Update, run_update
    from rehearsal.engine.project import load_project

    (folder / "stacks").mkdir()
    (folder / "state").mkdir()
    for name in ("components", "__main__.py"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    keys = {"registry": registry, "namespaces": NAMESPACES, "cluster": {"context": "prod"}, **more}
    config = {f"mendix-registry:{key}": value for key, value in keys.items()}
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
    stand_ins = dict.fromkeys(("aws", "azure-native", "gcp", "kubernetes"), PROVIDER)
    update = Update(load_project(folder), "prod", "preview", folder / "home", stand_ins=stand_ins)
    digest = PreviewDigest()
    finished = asyncio.run(run_update(update, digest))
    assert finished.ok, [finished.error, digest.text()[-2000:]]
    return summarize(read_preview(json.dumps(digest.document()).encode(), "prod.json"))


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The plugin is a script of this environment's Python.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct horse")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/state")


ECR = {"type": "amazon-ecr", "region": "eu-west-1", "accountId": "123456789012", "repository": "mendixapps/{namespace}"}
ACR = {
    "type": "microsoft-acr",
    "name": "mendixacr",
    "resourceGroup": "rg-mendix",
    "repository": "mendixapps/{namespace}",
    "authentication": {
        "method": "workload-identity",
        "issuerUrls": ["https://westeurope.oic.prod-aks.azure.com/7d3b0f1e-0000-4000-8000-000000000001/1c2d3e4f/"],
    },
}
GAR = {"type": "google-gcr", "pushHost": "europe-west4-docker.pkg.dev", "repository": "example-mendix/{namespace}/apps"}
GENERIC = {"type": "generic", "pushHost": "registry.example.com", "repository": "mendixapps/{namespace}"}
IRSA = {
    "method": "irsa",
    "oidcProvider": {"existing": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"},
}
EXISTING_ROLE = {**IRSA, "roles": {"existingForAll": "arn:aws:iam::123456789012:role/mendix-builder"}}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # The registry's settings, how orders proves who it is, and where it may push.
    "ecr-irsa": ({**ECR, "authentication": IRSA}, "IAM role (IRSA)", "mendixapps/orders"),
    "ecr-existing-role": ({**ECR, "authentication": EXISTING_ROLE}, "made elsewhere", "mendixapps/orders"),
    "ecr-pod-identity": (
        {**ECR, "authentication": {"method": "pod-identity", "cluster": {"name": "prod"}}},
        "IAM role (Pod Identity)",
        "mendixapps/orders",
    ),
    "ecr-static": (
        {**ECR, "authentication": {"method": "static"}},
        "IAM user, key in Secret mendix-registry",
        "mendixapps/orders",
    ),
    "acr-workload-identity": (ACR, "managed identity (federated credential)", "mendixapps/orders"),
    "gar-workload-identity": (
        {**GAR, "authentication": {"method": "workload-identity", "serviceAccount": "builder-{namespace}"}},
        "Google service account (workload identity)",
        "example-mendix/orders",
    ),
    "gar-direct": (
        {**GAR, "authentication": {"method": "direct", "projectNumber": "123456789012"}},
        "itself (workload identity, direct)",
        "example-mendix/orders",
    ),
    "openshift4": ({"type": "openshift4", "repository": "{namespace}/mendix-apps"}, "its own token", "orders/*"),
    "generic": (
        {**GENERIC, "authentication": {"username": "builder", "password": {"environment": "REGISTRY_PASSWORD"}}},
        "user and password in a Secret",
        "mendixapps/orders",
    ),
    "anonymous": ({**GENERIC, "authentication": "none"}, "without authentication", "mendixapps/orders"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_a_first_preview_of_each_kind_tells_who_gains_push_where(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "hunter2-of-the-registry")
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
    assert not [risk for risk in stack.risks if risk.kind in ("wider trust", "data loss", "protection removed")]
    assert "hunter2" not in comment([stack], LIMITS["gitlab"]) + write_page([stack])
