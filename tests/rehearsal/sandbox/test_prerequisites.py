"""What the sandbox creates because the stack only reads it, and never what the stack creates itself."""

from __future__ import annotations

import json

from rehearsal.sandbox.prerequisites import prerequisites
from tests.rehearsal.descriptions import described

ANONYMOUS = {"type": "generic", "pushHost": "registry.example.com", "authentication": "none"}
ORDERS = {"name": "orders"}


def kinds(*namespaces: dict[str, object], **keys: object) -> list[str]:
    return [document["kind"] for _, document in prerequisites(described(ANONYMOUS, *namespaces, **keys))]


def test_a_namespace_that_the_stack_creates_is_no_prerequisite() -> None:
    assert kinds({"name": "orders", "create": True}) == []


def test_an_operator_configuration_is_there_to_be_patched_only() -> None:
    assert kinds(ORDERS, {"name": "own", "create": True}) == ["Namespace", "OperatorConfiguration"]
    assert kinds(ORDERS, operatorConfiguration={"adopt": "create"}) == ["Namespace"]


def test_docker_secret_has_an_entry_for_each_host() -> None:
    registry = {"type": "docker-secret", "secretName": "login", "pushHost": "a.example:5000", "pullHost": "b.example"}
    namespaces = [{"name": "orders"}, {"name": "billing", "secretName": "own"}]
    made = dict(prerequisites(described(registry, *namespaces)))
    secrets = {path: document for path, document in made.items() if document["kind"] == "Secret"}
    assert list(secrets) == ["/api/v1/namespaces/orders/secrets/login", "/api/v1/namespaces/billing/secrets/own"]
    for document in secrets.values():
        content = json.loads(document["stringData"][".dockerconfigjson"])
        assert set(content["auths"]) == {"a.example:5000", "b.example"}
