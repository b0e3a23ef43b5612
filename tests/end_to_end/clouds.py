"""An example stack with its emulated clouds at work, and the administrator's end of these."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from rehearsal.access_matrix.registry import Service
from rehearsal.cluster import BuiltCluster
from tests.conftest import ROOT
from tests.end_to_end.conftest import Project

STACKS = ROOT / "stacks"
FAULTS = "faults.mendix-rehearsal.internal"
ECR, IRSA = "*.dkr.ecr.*", "example-amazon-ecr-irsa"
ENTRA = "example-microsoft-acr-workload-identity"
EXPIRED = json.dumps(
    {"errors": [{"code": "DENIED", "message": "Your authorization token has expired. Reauthenticate and try again."}]}
)
"""As Amazon ECR's registry says it."""


@dataclass
class Case:
    """What goes wrong with a stack; ``reason`` is what a first `up` has to say, empty where it has to converge."""

    stack: str
    faults: list[dict[str, Any]]
    reason: str = ""
    builder: dict[str, Any] = field(default_factory=dict)


@dataclass
class Clouds:
    """The administrator's end of the emulators."""

    service: Service
    token: str

    def cause(self, **fault: Any) -> None:
        self._ask("POST", json=fault)

    def end(self) -> None:
        self._ask("DELETE")

    def happened(self) -> list[int]:
        return [rule["happened"] for rule in self._ask("GET")]

    def up(self, project: Project, case: Case) -> str:
        """What a first `up` says during which all of the case's faults happen, and which ends as the case says."""
        for fault in case.faults:
            self.cause(**fault)
        try:
            done = project.run("up", "--yes", "--skip-preview", "--stack", case.stack)
            happened = self.happened()
        finally:
            self.end()
        said = done.stdout + done.stderr
        assert all(happened), f"the test shows nothing: not every fault happened: {happened}\n{said}"
        assert (done.returncode == 0) == (not case.reason), said
        assert case.reason in said
        return said

    def _ask(self, method: str, **options: Any) -> list[dict[str, Any]]:
        with self.service.client(FAULTS) as client:
            answer = client.request(method, "/", headers={"authorization": f"Bearer {self.token}"}, **options)
        assert answer.is_success, answer.text
        return answer.json()["faults"]


def staged(project: Project, node: BuiltCluster, stack: str, builder: dict[str, Any]) -> Clouds:
    """One namespace of an example stack, with its clouds at work."""
    document = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text())
    config = document["config"]
    config["mendix-registry:namespaces"] = config["mendix-registry:namespaces"][:1]
    if config["mendix-registry:registry"]["type"] == "microsoft-acr":
        config["mendix-registry:registry"]["deletionProtection"] = False
    config["mendix-registry:builder"] |= {"timeoutSeconds": 120, **builder}
    (project.root / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))
    # Makes the sandbox ready for the stack, with its clouds; no program runs for it.
    ready = project.run("env", "--stack", stack)
    assert ready.returncode == 0, ready.stdout + ready.stderr
    endpoint = node.service_endpoint("clouds")
    assert endpoint is not None
    return Clouds(Service(endpoint.address, endpoint.authority), node.node_token)
