"""Entra's token endpoint, checked by azure-identity: exactly the ServiceAccount that a federated credential names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from tests.rehearsal.emulators.azure.conftest import ISSUER, KNOWN_AS, TENANT, Azure

pytestmark = pytest.mark.slow


def test_a_trusted_service_account_signs_in_with_azure_identity(azure: Azure) -> None:
    made = azure.identity("builder", "orders:builder")
    assert azure.sign_in(made.client_id, azure.token("orders", "builder"))
    assert azure.decisions.after(0)[-1]["allowed"]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda a: a.token("billing", "builder"), "AADSTS700213"),
        (lambda a: a.token("orders", "default"), "AADSTS700213"),
        (lambda a: a.token("orders", "builder", audience="https://kubernetes.default.svc"), "AADSTS700212"),
        (lambda a: a.token("orders", "builder", iss="https://another.example.com/"), "AADSTS700211"),
        (lambda a: a.token("orders", "builder", seconds=-60), "AADSTS700024"),
        (lambda a: a.token("orders", "builder", seconds=30 * 24 * 3600), "AADSTS70023"),
        (lambda a: a.token("orders", "builder")[:-6] + "AAAAAA", "AADSTS700027"),
        (lambda a: "nonsense", "AADSTS50027"),
    ],
)
def test_another_token_is_rejected_with_its_fault(azure: Azure, token: Callable[[Azure], str], code: str) -> None:
    made = azure.identity("builder", "orders:builder")
    with pytest.raises(ClientAuthenticationError, match=f"{code}:"):
        azure.sign_in(made.client_id, token(azure))
    last = azure.decisions.after(0)[-1]
    assert (last["service"], last["allowed"], last["code"]) == ("entra", False, code)


def test_the_same_claims_of_another_cluster_are_rejected(azure: Azure, other_cluster: Any) -> None:
    made = azure.identity("builder", "orders:builder")
    forged = other_cluster.token("orders", "builder", audience="api://AzureADTokenExchange")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        azure.sign_in(made.client_id, forged)


def test_unknown_identities_and_unknown_tenants_get_no_token(azure: Azure) -> None:
    made = azure.identity("builder", "orders:builder")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        azure.sign_in("99999999-9999-4999-8999-999999999999", azure.token("orders", "builder"))
    with pytest.raises(ClientAuthenticationError, match="AADSTS90002"):
        azure.sign_in(made.client_id, azure.token("orders", "builder"), "99999999-9999-4999-8999-999999999999")


def test_a_new_credential_is_seen_only_after_a_while(make_azure: Callable[..., Azure]) -> None:
    azure = make_azure(propagation=60.0)
    made = azure.identity("builder", "orders:builder")
    with pytest.raises(ClientAuthenticationError, match="AADSTS70021:"):
        azure.sign_in(made.client_id, azure.token("orders", "builder"))
    # Another process of the emulator, later: what was there before it is old enough.
    assert make_azure(propagation=60.0).sign_in(made.client_id, azure.token("orders", "builder"))


def test_only_the_issuer_with_its_final_slash_matches(azure: Azure) -> None:
    made = azure.identity()
    azure.trust("builder", "system:serviceaccount:orders:builder", "orders", issuer=KNOWN_AS.rstrip("/"))
    with pytest.raises(ClientAuthenticationError, match="AADSTS700211"):
        azure.sign_in(made.client_id, azure.token("orders", "builder"))
    assert ISSUER != KNOWN_AS
    assert TENANT in KNOWN_AS
