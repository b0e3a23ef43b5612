"""A description names what the program registers: for every accepted stack file of a cloud, both are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from mendix_registry.kinds import KINDS
from mendix_registry.settings.plan import EXISTING
from mendix_registry.stack_file.reading import Reading
from tests.components.kinds.amazon_ecr import stack as amazon_ecr
from tests.components.kinds.google_gcr import google
from tests.components.kinds.microsoft_acr import conftest as microsoft_acr
from tests.components.program import STACK, Recording, run
from tests.components.stack_file.test_corpus import RIGHT, read

pytestmark = pytest.mark.slow

FILES = [path for path in RIGHT if path.parent.name in ("amazon-ecr", "microsoft-acr", "google-gcr")]
ANSWERS = amazon_ecr.ANSWERS | microsoft_acr.ANSWERS | google.ANSWERS
CALLS: dict[str, Any] = microsoft_acr.CALLS | {
    "aws:index/getCallerIdentity:getCallerIdentity": lambda args: {"accountId": amazon_ecr.ACCOUNT},
    "aws:index/getRegion:getRegion": lambda args: {"region": "eu-west-1"},
    "aws:index/getPartition:getPartition": lambda args: {"partition": "aws"},
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda args: {"arn": amazon_ecr.PROVIDER},
}


def registered(recording: Recording) -> set[str]:
    """Names of the identities that the program has registered."""
    return {
        *(role.inputs["name"] for role in recording.of_type("aws:iam/role:Role") if "creation" not in role.name),
        *(user.inputs["name"] for user in recording.of_type("aws:iam/user:User")),
        *(
            identity.inputs["resourceName"]
            for identity in recording.of_type("azure-native:managedidentity:UserAssignedIdentity")
        ),
        *(token.inputs["tokenName"] for token in recording.of_type("azure-native:containerregistry:Token")),
        *(google.address(account.inputs) for account in recording.of_type(google.ACCOUNT)),
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_description_has_the_identities_that_the_program_registers(path: Path) -> None:
    _, answer = read(path)
    assert isinstance(answer, Reading)
    settings = answer.settings
    kind = KINDS[settings.registry.type]
    identities = kind.description.identities(settings, settings.registry, STACK)
    assert identities.keys() == {namespace.name for namespace in settings.namespaces}
    recording = run(
        lambda: kind.place()("registry", settings, settings.registry, pulumi.ResourceOptions()),
        answers=ANSWERS,
        calls=CALLS,
    )
    described = {
        identity.name
        for identity in identities.values()
        if identity.origin != EXISTING and identity.what not in ("principal", "admin user")
    }
    assert described == registered(recording)
    granted = {
        str(member.inputs["member"]).removeprefix("serviceAccount:")
        for member in recording.of_type(google.REPOSITORY_MEMBER)
        if member.inputs["role"] == google.WRITER
    }
    if granted:
        assert granted == {identity.name for identity in identities.values()}
