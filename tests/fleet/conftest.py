"""Fleet files of every cloud, and the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from fleet.cli import app

PROVIDER = (
    "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE0"
)
REGISTRY_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.ContainerRegistry/registries/acmeacr"
)
ISSUER = "https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-000000000002/00000000-0000-0000-0000-000000000003/"

AWS: dict[str, Any] = {
    "type": "amazon-ecr",
    "region": "eu-west-1",
    "accountId": "123456789012",
    "repository": "mendixapps/{namespace}",
    "authentication": {"method": "irsa", "oidcProvider": {"existing": PROVIDER}},
}
AZURE: dict[str, Any] = {
    "type": "microsoft-acr",
    "existing": REGISTRY_ID,
    "roleAssignmentMode": "abac",
    "repository": "mendixapps/{namespace}",
    "authentication": {"method": "workload-identity", "issuerUrls": [ISSUER]},
}
GOOGLE: dict[str, Any] = {
    "type": "google-gcr",
    "pushHost": "europe-west4-docker.pkg.dev",
    "repository": "example-mendix/{namespace}/apps",
    "authentication": {"method": "direct", "projectNumber": "123456789012"},
}
GENERIC: dict[str, Any] = {
    "type": "generic",
    "pushHost": "registry.example.com",
    "repository": "mendixapps/{namespace}",
    "authentication": {"username": "robot", "password": {"environment": "REGISTRY_PASSWORD"}},
}
IMAGE = f"pulumi/pulumi:3-nonroot@sha256:{'1' * 64}"
OPERATOR: dict[str, Any] = {
    "repository": {
        "url": "https://git.example.com/platform/registry.git",
        "branch": "refs/heads/main",
        "tokenSecret": "git",
    },
    "image": IMAGE,
}
STATE = {
    "backend": "s3://acme-pulumi-state?region=eu-west-1",
    "secretsProvider": "awskms://alias/pulumi-mendix?region=eu-west-1",
}


def names(count: int) -> list[str]:
    return [f"team-{number:04d}" for number in range(count)]


def fleet_content(
    registry: dict[str, Any] = AWS,
    namespaces: Any = 40,
    stacks: int = 4,
    config: dict[str, Any] | None = None,
    **keys: Any,
) -> dict[str, Any]:
    """A fleet file; ``namespaces`` may be their number."""
    return {
        "name": "prod",
        "stacks": stacks,
        "namespaces": names(namespaces) if isinstance(namespaces, int) else namespaces,
        "config": {"mendix-registry:registry": registry, **(config or {})},
        **keys,
    }


class Workspace:
    """A project directory with a fleet file in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "fleet.yaml"
        self.stacks = directory / "stacks"

    def write(self, content: Any) -> None:
        self.file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))

    def run(self, command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, [command, str(self.file), "--project", str(self.directory), *arguments])

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.stacks.glob("*.yaml"))}

    def refused(self, content: Any, command: str = "split") -> str:
        """What the command says against the fleet file; nothing must have been written."""
        self.write(content)
        before = {path: path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}
        result = self.run(command)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith("error: "), result.stderr
        assert {path: path.read_bytes() for path in self.directory.rglob("*") if path.is_file()} == before
        return " ".join(result.stderr.split())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


Refused = Callable[[Any], str]
