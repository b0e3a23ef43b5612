"""The node's pull: as whoever the clouds say that the node is to a registry, which is what its kubelet asks at each pull."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from rehearsal.prove.matrix import RefusedError
from rehearsal.prove.registry import Service, pull, push_and_read_back

NODES_HOST = "nodes.mendix-rehearsal.internal"


@dataclass(frozen=True, slots=True)
class Node:
    """The node of the rehearsal, which proves itself to the stand-ins with ``token``."""

    service: Service
    token: str

    def pull(self, host: str, repository: str, digest: str) -> None:
        """Read a manifest and all that it names. Raises RefusedError where the node has no identity, or it may not."""
        pull(self.service, host, repository, digest, self._login(host, repository))

    def push(self, host: str, repository: str) -> None:
        """What a node must not be able to do. Raises RefusedError."""
        push_and_read_back(self.service, host, repository, self._login(host, repository))

    def _login(self, host: str, repository: str) -> dict[str, str]:
        with self.service.client(NODES_HOST) as client:
            headers = {"authorization": f"Bearer {self.token}"}
            answer = client.get("/", params={"image": f"{host}/{repository}"}, headers=headers)
        answer.raise_for_status()
        found = answer.json().get(host)
        if not found:
            raise RefusedError(f"the nodes have no identity at {host}")
        basic = base64.b64encode(f"{found['username']}:{found['password']}".encode()).decode()
        return {"authorization": f"Basic {basic}"}
