"""What is tried in a stack is what its stack file lists: nothing is left out because it is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from joserfc.jwk import RSAKey

from rehearsal.access_matrix.matrix import Matrix, carry_out, no_decisions
from rehearsal.access_matrix.stack import prover
from rehearsal.cluster import BuiltCluster
from tests.rehearsal.descriptions import described

ENVIRONMENT = {
    "REHEARSAL_AZURE_ENDPOINT": "https://127.0.0.1:1",
    "REHEARSAL_CLOUD_CA_FILE": "/nowhere",
    "ARM_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
    "ORDERS": "the-password",
}
ORDERS, BILLING = "orders", "billing"


class Cluster:
    """A cluster in which the identity of one namespace was made."""

    node_token = "the-node"

    def __init__(self, directory: Path) -> None:
        self.signing_key = directory / "key"
        self.signing_key.write_bytes(RSAKey.generate_key(2048).as_pem())

    def annotations(self, namespace: str, service_account: str) -> dict[str, str]:
        return {"azure.workload.identity/client-id": "c"} if namespace == ORDERS else {}

    def token(self, namespace: str, service_account: str, audience: str) -> str:
        raise AssertionError("only the broken builder is tried")


@pytest.mark.parametrize(
    ("authentication", "told"),
    [
        (
            {"method": "workload-identity", "issuerUrls": ["https://issuer.example"]},
            "ServiceAccount billing/mendix-builder has no annotation",
        ),
        (
            {"method": "token", "passwords": {ORDERS: {"environment": "ORDERS"}, BILLING: "decrypted"}},
            "registry.authentication.passwords.billing",
        ),
        (
            {"method": "token", "passwords": {ORDERS: {"environment": "ORDERS"}, BILLING: "pending"}},
            "the token mendix-billing",
        ),
    ],
)
def test_an_azure_builder_without_identity_is_not_as_expected(
    authentication: dict[str, Any], told: str, tmp_path: Path
) -> None:
    """It vanished from the matrix, and with the rows of the others "every cell is as expected" was said."""
    registry = {
        "type": "microsoft-acr",
        "name": "ordersacr",
        "resourceGroup": "rg",
        "authentication": authentication,
    }
    stack = described(registry, {"name": ORDERS}, {"name": BILLING})
    made, _ = prover(stack, cast("BuiltCluster", Cluster(tmp_path)), ENVIRONMENT)
    attempts = list(made.attempts())
    assert len([attempt for attempt in attempts if attempt.namespace == ORDERS]) > 5
    cells = carry_out([attempt for attempt in attempts if attempt.namespace == BILLING], no_decisions, lambda _: None)
    assert [cell.what for cell in cells] == ["its builder pushes and reads back"]
    assert told in cells[0].reason
    assert not Matrix("s", tuple(cells)).ok
