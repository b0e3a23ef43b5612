"""Names and field managers of objects: the same for the same program, so that what a killed update has made is taken over."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mendix_registry.kubernetes import BuilderJob, BuilderJobArgs
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy
from tests.components.kubernetes.made import CREDENTIALS, access, namespace
from tests.components.program import Recording, Registered, run

pytestmark = pytest.mark.slow

MANAGER = "pulumi.com/patchFieldManager"
COPY = Copy("source.example.com/runtime:9", "apps/orders:runtime-9", ())
APP = {"sha256": "1" * 64, "url": "https://apps.example.com/app.mda?signature=canary"}
BUILDERS: dict[str, dict[str, Any]] = {
    "verify": {},
    "build": {
        "mode": "build",
        "build": {"baseImage": f"base.example.com/runtime@sha256:{'0' * 64}", "directory": "/opt/app", "mda": APP},
    },
    "mirror": {"mode": "mirror"},
}


def objects(recorded: Recording) -> list[Registered]:
    return [item for item in recorded.registered if item.type.startswith("kubernetes:") and not item.read]


def identities(recorded: Recording) -> dict[str, tuple[str, str | None]]:
    """Name and field manager by URN."""
    metadata = {item.urn: item.inputs["metadata"] for item in objects(recorded)}
    return {urn: (found["name"], found.get("annotations", {}).get(MANAGER)) for urn, found in metadata.items()}


def made(mode: str = "verify", kind: str = "new-pull-secret", **changes: Any) -> Recording:
    builder = Builder.model_validate({**BUILDERS[mode], **changes})
    return namespace(kind, create=True, builder=builder, copies=(COPY,) if mode == "mirror" else ())


@pytest.mark.parametrize("mode", BUILDERS)
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_the_next_update_makes_the_same_objects(mode: str, kind: str) -> None:
    first = identities(made(mode, kind))
    assert first == identities(made(mode, kind))
    assert all(name for name, _ in first.values())


def test_every_owner_of_fields_is_another() -> None:
    """A manager takes back what it does not set any more: two patches of one object must not be one manager."""
    managers = [manager for _, manager in identities(made()).values() if manager]
    assert len(set(managers)) == len(managers)


def test_a_patch_that_sets_nothing_owns_nothing() -> None:
    """Its annotation would be a conflict with the patch of the same object that does."""
    without = [item.name for item in objects(made()) if MANAGER not in item.inputs["metadata"].get("annotations", {})]
    assert without == ["orders-default-link-found"]


def test_another_template_is_another_job() -> None:
    """A Job's template cannot be changed."""

    def names(recorded: Recording) -> dict[str, str]:
        return {item.name: item.inputs["metadata"]["name"] for item in recorded.of_type("kubernetes:batch/v1:Job")}

    before, after = names(made()), names(made(rerun="again"))
    assert set(before) == set(after) == {"orders-push", "orders-pull"}
    for name in before:
        assert re.fullmatch(rf"{name}-[0-9a-f]{{8}}", before[name]) and before[name] != after[name]


def test_a_job_component_used_alone_keeps_its_identity() -> None:
    def program() -> None:
        BuilderJob(
            "orders",
            BuilderJobArgs(
                namespace="orders", access=access("anonymous"), builder=Builder(), service_account="mendix-builder"
            ),
        )

    names = [item.inputs["metadata"]["name"] for item in objects(run(program))]
    assert len(names) == 3 and all(re.fullmatch(r"orders-(proof|push|pull)-[0-9a-f]{8}", name) for name in names)


def test_no_name_follows_from_a_secret() -> None:
    for mode in BUILDERS:
        for kind in CREDENTIALS:
            for item in objects(made(mode, kind)):
                assert "metadata" not in item.secrets, item.urn
    [url] = [item for item in objects(made("build")) if item.name == "orders-app-url"]
    assert url.inputs["metadata"]["name"] == "orders-app-url"
