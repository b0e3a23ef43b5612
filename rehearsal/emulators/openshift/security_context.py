"""OpenShift's security context constraint ``restricted-v2``: the project's own user for pods that set none.

Each project has a range of users; a pod without ``runAsUser`` gets the first of it, and one with another user is refused.
Source: docs.openshift.com, "Managing security context constraints".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.emulators.admission import Injection, Mutator, Object, PodRefusedError

_FIRST, _SIZE, _RANGES = 1_000_000_000, 10_000, 100_000
_BUILDER = "builder"


def uid_range(namespace: str) -> tuple[int, int]:
    """First user and number of users of a project. Always the same for a name; OpenShift counts upwards instead."""
    number = int.from_bytes(hashlib.sha256(namespace.encode()).digest()[:4]) % _RANGES
    return _FIRST + number * _SIZE, _SIZE


def project_annotations(namespace: str) -> dict[str, str]:
    """What OpenShift notes at a project about its range."""
    first, size = uid_range(namespace)
    return {
        "openshift.io/sa.scc.uid-range": f"{first}/{size}",
        "openshift.io/sa.scc.supplemental-groups": f"{first}/{size}",
    }


def restricted(cares: Callable[[str], bool]) -> Mutator:
    """The mutator for pods of the projects that ``cares`` names. Only those of ServiceAccount ``builder`` are refused another user:
    stacks that are not OpenShift's may have a namespace of the same name, and their pods choose their own."""

    def mutate(pod: Object, account: Object) -> Injection | None:
        metadata: Object = account.get("metadata", {})
        namespace = str(metadata.get("namespace", ""))
        if not cares(namespace):
            return None
        first, size = uid_range(namespace)
        chosen = sorted({user for user in _users(pod.get("spec", {})) if not first <= user < first + size})
        if chosen and metadata.get("name") == _BUILDER:
            name = pod.get("metadata", {}).get("name") or pod.get("metadata", {}).get("generateName", "")
            raise PodRefusedError(
                f'pods "{name}" is forbidden: unable to validate against any security context constraint: [provider '
                f"restricted-v2: .containers[0].runAsUser: Invalid value: {chosen[0]}: must be in the ranges: "
                f"[{first}, {first + size - 1}]]"
            )
        return Injection({}, run_as_user=first)

    return mutate


def _users(spec: Mapping[str, Any]) -> Iterator[int]:
    for part in (spec, *spec.get("initContainers", ()), *spec.get("containers", ())):
        security: Mapping[str, Any] = part.get("securityContext") or {}
        user = security.get("runAsUser")
        if user is not None:
            yield int(user)
