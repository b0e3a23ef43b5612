"""Kinds ``generic`` and ``docker-secret``: what they register, and that passwords stay secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mendix_registry.deployment import deploy
from mendix_registry.stack_file import Settings
from tests.components.program import run

PASSWORD = "canary-of-the-registry-password"


def generic(settings: Callable[..., Settings], **registry: Any) -> Settings:
    return settings(
        {"PASSWORD": PASSWORD},
        registry={
            "type": "generic",
            "pushHost": "registry.example.com",
            "repository": "mendixapps/{namespace}",
            "authentication": {"username": "builder", "password": {"environment": "PASSWORD"}},
            **registry,
        },
        namespaces=[{"name": "orders"}],
    )


def test_the_password_is_a_secret_wherever_it_goes(settings: Callable[..., Settings]) -> None:
    recording = run(lambda: deploy(generic(settings)))
    secret = recording.one("kubernetes:core/v1:Secret")
    assert "data" in secret.secrets
    for item in recording.registered:
        for key, value in item.inputs.items():
            assert PASSWORD not in str(value) or key in item.secrets, f"{item.urn}.{key}"


def test_every_child_has_a_component_as_its_parent(settings: Callable[..., Settings]) -> None:
    recording = run(lambda: deploy(generic(settings)))
    urns = {item.urn for item in recording.registered if not item.custom}
    for item in recording.registered:
        if item.custom and not item.type.startswith("pulumi:providers:"):
            assert item.parent in urns, item.urn


def test_nothing_pushes_before_the_secret_exists(settings: Callable[..., Settings]) -> None:
    recording = run(lambda: deploy(generic(settings)))
    push = recording.one("kubernetes:batch/v1:Job", "orders-push")
    assert recording.one("kubernetes:core/v1:Secret").urn in push.dependencies
