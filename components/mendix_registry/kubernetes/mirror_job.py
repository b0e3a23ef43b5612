"""The builder Job in mode ``mirror``: Mendix's components and base images, copied into the own registry.

An image keeps its digest and an index stays one, unless the stack file picks several of its platforms. What is there already is
skipped, so the Job goes on where an earlier one ended and does nothing where all is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from mendix_registry.kubernetes.builder_pod import FILES_DIRECTORY, Work
from mendix_registry.kubernetes.push_job import PushJob, PushJobArgs
from mendix_registry.settings.mirroring import Copy

SCRIPT, LIST = "mirror.sh", "mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorJobArgs(PushJobArgs):
    """What is copied."""

    copies: Sequence[Copy]
    """The copies, at least one."""


class MirrorJob(PushJob):
    """Copies images."""

    mirrored: pulumi.Output[Sequence[str]]
    """The destinations, ``host/repository:tag``. Known only once all of them are there."""

    def __init__(self, name: str, args: MirrorJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(SCRIPT, name, args, opts, mirror_inputs(args.copies))
        push_host = args.access.push_host
        listed = "".join(
            f"{copy.source} {copy.destination} {','.join(copy.platforms) or '-'}\n" for copy in args.copies
        )
        job = self._push(
            Work(
                name="mirror",
                environment={"LIST": f"{FILES_DIRECTORY}/{LIST}"},
                revision=self._revision(listed, push_host),
                files={LIST: listed},
                call_seconds=args.builder.timeout_seconds,
            )
        )
        self.mirrored = pulumi.Output.all(push_host, job.id).apply(
            lambda values: [f"{values[0]}/{copy.destination}" for copy in args.copies]
        )
        self.register_outputs({"mirrored": self.mirrored})


def mirror_inputs(copies: Sequence[Copy]) -> dict[str, Any]:
    """The ``copies`` as inputs of a component, by the stack file's keys."""
    return {
        "mirror": [
            {"source": copy.source, "destination": copy.destination}
            | ({"platforms": copy.platforms} if copy.platforms else {})
            for copy in copies
        ]
    }
