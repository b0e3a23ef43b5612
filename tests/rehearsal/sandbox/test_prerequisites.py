"""What the sandbox creates because the stack only reads it, and never what the stack creates itself."""

from __future__ import annotations

import json

from rehearsal.sandbox.prerequisites import prerequisites


def paths(config: dict[str, object]) -> list[str]:
    return [path for path, _ in prerequisites(config)]


def test_a_namespace_that_the_stack_creates_is_no_prerequisite() -> None:
    assert paths({"namespaces": [{"name": "orders", "create": True}]}) == []


def test_invalid_kubernetes_names_are_left_to_the_rules() -> None:
    assert paths({"namespaces": [{"name": "Billing"}, {"name": ""}, {"name": "../orders"}]}) == []


def test_an_operator_configuration_is_there_to_be_patched_only() -> None:
    patched = paths({"namespaces": [{"name": "orders"}]})
    assert [path.rsplit("/", 2)[1] for path in patched] == ["namespaces", "operatorconfigurations"]
    assert len(paths({"namespaces": [{"name": "orders"}], "operatorConfiguration": {"adopt": "create"}})) == 1


def test_docker_secret_has_an_entry_for_each_host() -> None:
    registry = {"type": "docker-secret", "secretName": "login", "pushHost": "a.example:5000", "pullHost": "b.example"}
    namespaces = [{"name": "orders"}, {"name": "billing", "secretName": "own"}]
    made = dict(prerequisites({"registry": registry, "namespaces": namespaces}))
    secrets = {path: document for path, document in made.items() if document["kind"] == "Secret"}
    assert list(secrets) == ["/api/v1/namespaces/orders/secrets/login", "/api/v1/namespaces/billing/secrets/own"]
    for document in secrets.values():
        content = json.loads(document["stringData"][".dockerconfigjson"])
        assert set(content["auths"]) == {"a.example:5000", "b.example"}
