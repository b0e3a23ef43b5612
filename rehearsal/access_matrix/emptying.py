"""Empties a stack's registry by the cloud's own API, as its owner has to before the stack can be destroyed.

Amazon ECR refuses to delete a repository that has images, and a stack keeps its repositories of Artifact Registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.access_matrix.registry import Service
from rehearsal.cluster import BuiltCluster
from rehearsal.sandbox.description import Description

_AT_ONCE = 100
"""How many images BatchDeleteImage takes."""


def delete_images(described: Description, cluster: BuiltCluster) -> None:
    """Delete every image, so that the stack's repositories can be deleted."""
    ecr = _ecr(described, cluster)
    for name in _repositories(ecr) if ecr else ():
        images = [
            item for page in ecr.get_paginator("list_images").paginate(repositoryName=name) for item in page["imageIds"]
        ]
        digests = [{"imageDigest": digest} for digest in dict.fromkeys(item["imageDigest"] for item in images)]
        for start in range(0, len(digests), _AT_ONCE):
            ecr.batch_delete_image(repositoryName=name, imageIds=digests[start : start + _AT_ONCE])


def delete_repositories(described: Description, cluster: BuiltCluster) -> None:
    """Delete the repositories: those that ECR itself made on a push, which no stack has, and those of Artifact Registry, which a
    stack keeps from being destroyed."""
    ecr = _ecr(described, cluster)
    for name in _repositories(ecr) if ecr else ():
        ecr.delete_repository(repositoryName=name, force=True)
    service = _service(cluster)
    if described.kind == "google-gcr" and service is not None:
        _delete_of_google(described, service)


def _delete_of_google(described: Description, service: Service) -> None:
    from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN

    parents = {name.rpartition("/")[0] for name in described.place["repositories"].values() if name}
    with service.client("artifactregistry.googleapis.com") as client:
        client.headers["authorization"] = f"Bearer {OPERATOR_TOKEN}"
        for parent in sorted(parents):
            listed = client.get(f"/v1/{parent}")
            listed.raise_for_status()
            for repository in listed.json().get("repositories", []):
                client.delete(f"/v1/{repository['name']}").raise_for_status()


def _repositories(ecr: Any) -> Iterator[str]:
    pages = ecr.get_paginator("describe_repositories").paginate()
    return iter([str(item["repositoryName"]) for page in pages for item in page["repositories"]])


def _ecr(described: Description, cluster: BuiltCluster) -> Any:
    """A client of the stack's registry; None for another kind of registry, or where no cloud runs (yet)."""
    from rehearsal.emulators.aws.client import operator_client

    service = _service(cluster)
    if described.kind != "amazon-ecr" or service is None:
        return None
    return operator_client("ecr", described.place["region"], f"https://{service.address}:9001", str(service.authority))


def _service(cluster: BuiltCluster) -> Service | None:
    endpoint = cluster.service_endpoint("clouds")
    return Service(endpoint.address, endpoint.authority) if endpoint else None
