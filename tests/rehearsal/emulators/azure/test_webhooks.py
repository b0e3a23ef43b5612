"""What Azure's workload identity webhook does to pods."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulators.admission import mutated
from rehearsal.emulators.azure.webhooks import workload_identity

MUTATORS = (workload_identity("the-tenant", "https://login.microsoftonline.com/"),)
ACCOUNT = {"metadata": {"name": "builder", "annotations": {"azure.workload.identity/client-id": "the-client"}}}


def pod(labels: dict[str, str], **annotations: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [{"name": "main"}]}}


def test_a_pod_with_the_label_gets_identity_and_token() -> None:
    changed = mutated(pod({"azure.workload.identity/use": "true"}), ACCOUNT, MUTATORS)
    container = changed["spec"]["containers"][0]
    assert {item["name"]: item["value"] for item in container["env"]} == {
        "AZURE_CLIENT_ID": "the-client",
        "AZURE_TENANT_ID": "the-tenant",
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    source = changed["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    assert source == {
        "audience": "api://AzureADTokenExchange", "expirationSeconds": 3600, "path": "azure-identity-token"
    }  # fmt: skip


@pytest.mark.parametrize("labels", [{}, {"azure.workload.identity/use": "false"}])
def test_a_pod_without_the_label_gets_nothing_injected(labels: dict[str, str]) -> None:
    labelled = {"metadata": {**ACCOUNT["metadata"], "labels": {"azure.workload.identity/use": "true"}}}
    assert mutated(pod(labels), labelled, MUTATORS) == pod(labels)


def test_a_pod_may_request_another_lifetime_of_its_token() -> None:
    given = pod({"azure.workload.identity/use": "true"})
    given["metadata"]["annotations"] = {"azure.workload.identity/service-account-token-expiration": "7200"}
    changed = mutated(given, ACCOUNT, MUTATORS)
    assert changed["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 7200
