"""Starts what a stack needs around it and describes it in an environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.registry.spec import RegistrySpec
from rehearsal.sandbox.clouds import serve_clouds, wanted_cloud
from rehearsal.sandbox.description import Description
from rehearsal.sandbox.home import given_password, registry_password
from rehearsal.sandbox.prerequisites import prerequisites
from rehearsal.sandbox.wanted import WantedRegistry, wanted_registry

if TYPE_CHECKING:
    from rehearsal.cluster import Cluster, Progress


PROPAGATION_SECONDS = 5.0
"""How long the emulated clouds' decisions do not see a change of an identity. At AWS it is mostly a few seconds;
``REHEARSAL_PROPAGATION_SECONDS`` makes it another time."""


class StageError(Exception):
    """The sandbox cannot be prepared: the text states what was missing and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What an update runs in.

    ``environment`` is to be added to the program's and the plugins' environment; it holds a password and must not
    be printed. ``secrets`` names its variables that hold a secret. ``registry`` is None where the stack's registry is not the
    sandbox's. ``packages`` are those whose provider the stack's program will ask for. ``prerequisites`` are the objects, each
    with its path in the API, that must exist in the cluster before the stack. ``described`` is what the stack file means.
    """

    cluster: Cluster
    registry: WantedRegistry | None
    environment: Mapping[str, str]
    packages: tuple[str, ...]
    described: Description
    secrets: frozenset[str] = frozenset()
    prerequisites: Sequence[tuple[str, dict[str, Any]]] = ()

    def create_prerequisites(self) -> None:
        """Create the objects that must exist before the stack. Raises ``ClusterError``."""
        self.cluster.ensure(self.prerequisites)


def set_stage(
    home: Path,
    described: Description,
    *,
    context: str | None,
    progress: Callable[[Progress], None],
) -> Stage:
    """Make the cluster and what the stack's registry needs (the sandbox's own, or an emulated cloud); return how to reach it.

    Idempotent: what already runs is used as it is. Blocks until all of it answers; ``progress`` is called from this
    thread. Raises StageError or ``rehearsal.cluster.ClusterError``.
    """
    from rehearsal.cluster import open_cluster

    cluster = open_cluster(home, context=context, kind="context" if context else "auto", progress=progress)
    environment = {"KUBECONFIG": str(cluster.kubeconfig)}
    secret_names: set[str] = set()
    wanted = wanted_registry(described, own_cluster=cluster.kind == "built")
    if wanted is None:
        objects = prerequisites(described)
    else:
        given = given_password(wanted.password_variable, os.environ)
        password = (given or registry_password(home)) if wanted.username else ""
        objects = prerequisites(described, (wanted.username, password))
        endpoint = cluster.registry(registry_spec(wanted, password))
        if password:
            given_to = {"REHEARSAL_REGISTRY_PASSWORD", wanted.password_variable} - {""}
            # Who sets a variable has their own value.
            environment |= dict.fromkeys(given_to - set(os.environ), password)
            secret_names |= given_to
        environment |= {
            "REHEARSAL_REGISTRY_ADDRESS": endpoint.address,
            "REHEARSAL_REGISTRY_CA_FILE": str(endpoint.authority or ""),
            "REHEARSAL_REGISTRY_CA": endpoint.ca_pem,
            "REHEARSAL_CLIENT_IMAGE": endpoint.client_image,
        }
    cloud = wanted_cloud(described)
    if cloud is not None and not (cloud.platform and cluster.kind == "context"):
        environment |= serve_clouds(cluster, home, cloud, propagation=_propagation(os.environ))
        secret_names |= set(cloud.passwords)
    image = described.variables.get("builder.image")
    if image and image not in os.environ and "REHEARSAL_CLIENT_IMAGE" in environment:
        environment[image] = environment["REHEARSAL_CLIENT_IMAGE"]
    # Every stack has objects in its cluster.
    packages = ("kubernetes",) if cloud is None or cloud.platform else ("kubernetes", cloud.package)
    return Stage(cluster, wanted, environment, packages, described, frozenset(secret_names), objects)


def registry_spec(wanted: WantedRegistry, password: str) -> RegistrySpec:
    """The registry to serve. Raises :class:`StageError` where the sandbox's cannot check such credentials, as others may."""
    try:
        return RegistrySpec(
            wanted.push_host, wanted.pull_host, wanted.username, password, tls=wanted.tls, public=wanted.public
        )
    except ValueError as error:
        variable = wanted.password_variable
        raise StageError(
            f"The sandbox's registry cannot serve {wanted.push_host} with the user and password of the stack file: {error}\n"
            + (
                f"Set {variable} to another for the rehearsal, or unset it: the sandbox then creates one."
                if variable
                else ""
            )
            + " The name of the user is in the stack file."
        ) from error


def _propagation(environ: Mapping[str, str]) -> float:
    given = environ.get("REHEARSAL_PROPAGATION_SECONDS", "")
    try:
        return float(given) if given else PROPAGATION_SECONDS
    except ValueError:
        raise StageError(
            f"REHEARSAL_PROPAGATION_SECONDS is {given!r}, which is no number of seconds. Give one such as 0 or 5."
        ) from None
