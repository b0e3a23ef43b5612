"""What a plugin answers, as plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from pulumi.runtime.proto import provider_pb2, status_pb2

from rehearsal.engine.errors import ResourceInitError
from rehearsal.engine.events import PropertyDiff
from rehearsal.engine.properties import from_struct

DIFF_UNKNOWN, DIFF_NONE, DIFF_SOME = 0, 1, 2
_KINDS = {
    provider_pb2.PropertyDiff.ADD: "add",
    provider_pb2.PropertyDiff.ADD_REPLACE: "add-replace",
    provider_pb2.PropertyDiff.DELETE: "delete",
    provider_pb2.PropertyDiff.DELETE_REPLACE: "delete-replace",
    provider_pb2.PropertyDiff.UPDATE: "update",
    provider_pb2.PropertyDiff.UPDATE_REPLACE: "update-replace",
}


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One input that the provider refuses; ``property`` is empty where it is about the whole resource."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What a provider says of a difference. ``changes`` is DIFF_NONE, DIFF_SOME or DIFF_UNKNOWN."""

    changes: int
    replaces: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    stables: tuple[str, ...] = ()
    delete_before_replace: bool = False
    detailed: Mapping[str, PropertyDiff] = field(default_factory=dict[str, PropertyDiff])

    @property
    def replace(self) -> bool:
        return bool(self.replaces) or any(item.kind.endswith("-replace") for item in self.detailed.values())


def failures_of(failures: Any) -> list[CheckFailure]:
    return [CheckFailure(failure.property, failure.reason) for failure in failures]


def diff_of(response: provider_pb2.DiffResponse) -> DiffResult:
    return DiffResult(
        changes=int(response.changes),
        replaces=tuple(response.replaces),
        diffs=tuple(response.diffs),
        stables=tuple(response.stables),
        delete_before_replace=response.deleteBeforeReplace,
        detailed={
            path: PropertyDiff(_KINDS.get(item.kind, "update"), item.inputDiff)
            for path, item in response.detailedDiff.items()
        },
    )


def init_failure_of(error: grpc.aio.AioRpcError) -> ResourceInitError | None:
    """The ErrorResourceInitFailed that a provider attached to its error, if there is one."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        status = status_pb2.Status()
        status.ParseFromString(value if isinstance(value, bytes) else value.encode("latin-1"))
        for detail in status.details:
            if detail.Is(provider_pb2.ErrorResourceInitFailed.DESCRIPTOR):
                failed = provider_pb2.ErrorResourceInitFailed()
                detail.Unpack(failed)
                reasons = [str(reason) for reason in failed.reasons] or [str(error.details())]
                return ResourceInitError(failed.id, from_struct(failed.properties), from_struct(failed.inputs), reasons)
    return None
