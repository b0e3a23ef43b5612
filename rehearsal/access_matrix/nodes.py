"""The node's pull: with the identity that the node has at a registry, which is what its kubelet asks at each pull."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.request import parse_http_list, parse_keqv_list

import httpx

from rehearsal.access_matrix.matrix import RefusedError
from rehearsal.access_matrix.registry import Service, pull, push_and_read_back
from rehearsal.access_matrix.secrets import basic

NODES_HOST = "nodes.mendix-rehearsal.internal"


@dataclass(frozen=True, slots=True)
class Node:
    """The node of the rehearsal, which proves itself to the emulators with ``token``."""

    service: Service
    token: str

    def pull(self, host: str, repository: str, digest: str) -> None:
        """Read a manifest and all that it names. Raises RefusedError where the node has no identity, or it may not."""
        runtime_pull(self.service, host, repository, digest, self._credentials(host, repository))

    def push(self, host: str, repository: str) -> None:
        """What a node must not be able to do. Raises RefusedError."""
        login = _login(self.service, host, repository, "pull,push", self._credentials(host, repository))
        push_and_read_back(self.service, host, repository, login)

    def _credentials(self, host: str, repository: str) -> Mapping[str, str]:
        """What the kubelet's credential provider gives for an image, as a header."""
        with self.service.client(NODES_HOST) as client:
            headers = {"authorization": f"Bearer {self.token}"}
            answer = client.get("/", params={"image": f"{host}/{repository}"}, headers=headers)
        answer.raise_for_status()
        found = answer.json().get(host)
        if not found:
            raise RefusedError(f"the nodes have no identity at {host}")
        return basic(found["username"], found["password"])


def runtime_pull(service: Service, host: str, repository: str, digest: str, credentials: Mapping[str, str]) -> None:
    """Read an image as a container runtime does that was given ``credentials``. Raises as ``registry.pull`` does."""
    pull(service, host, repository, digest, _login(service, host, repository, "pull", credentials))


def _login(
    service: Service, host: str, repository: str, verbs: str, credentials: Mapping[str, str]
) -> Mapping[str, str]:
    """What to show the registry: a token of the realm that it names, or the credentials themselves where it names none."""
    with service.client(host) as client:
        scheme, _, rest = client.get("/v2/").headers.get("www-authenticate", "").partition(" ")
    if scheme.lower() != "bearer":
        return credentials
    challenge = parse_keqv_list(parse_http_list(rest))
    realm = httpx.URL(challenge["realm"])
    asked = {"service": challenge.get("service", host), "scope": f"repository:{repository}:{verbs}"}
    with service.client(realm.host) as client:
        answer = client.get(realm.path, params=asked, headers=dict(credentials))
    if answer.status_code in (401, 403):
        raise RefusedError(f"{answer.status_code} {answer.text[:500]}")
    answer.raise_for_status()
    given = answer.json()
    return {"authorization": f"Bearer {given.get('token') or given['access_token']}"}
