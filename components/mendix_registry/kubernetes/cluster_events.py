"""The warnings that a cluster has for namespaces, read by a separate program.

In another process, because the Kubernetes client leaves files with the kubeconfig's keys behind: they go with that program's
temporary directory. And because a login plug-in that does not answer then ends with it. One process reads for all that ask within a
moment: where a whole cluster is out of order, the Jobs of all namespaces fail at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from mendix_registry.settings.stack import Cluster

Events: TypeAlias = Sequence[Mapping[str, Any]]

SECONDS = 20.0
"""The most that a reading may take; an update waits for it."""

_MOMENT = 0.3
_PROGRAM = Path(__file__).with_name("read_events.py")


class EventsError(Exception):
    """The events could not be read; the text has the cluster's or the client's words."""


class ClusterEvents:
    """The events of one cluster."""

    def __init__(self, cluster: Cluster, program: Path = _PROGRAM, seconds: float = SECONDS) -> None:
        self._cluster = cluster
        self._program = program
        self._seconds = seconds
        self._asked: dict[str, asyncio.Future[Events]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def warnings(self, namespace: str) -> Events:
        """The namespace's events of type ``Warning``, as the API has them. Raises :class:`EventsError`."""
        if not self._asked:
            task = asyncio.ensure_future(self._read_soon())
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        answer = self._asked.setdefault(namespace, asyncio.get_running_loop().create_future())
        return await asyncio.shield(answer)

    async def _read_soon(self) -> None:
        await asyncio.sleep(_MOMENT)
        asked, self._asked = self._asked, {}
        try:
            found = await self._read(list(asked))
        except (OSError, ValueError, EventsError) as error:
            found = dict.fromkeys(asked, str(error))
        for namespace, answer in asked.items():
            events = found[namespace]
            if isinstance(events, str):
                answer.set_exception(EventsError(events))
            else:
                answer.set_result(events)

    async def _read(self, namespaces: Sequence[str]) -> Mapping[str, Events | str]:
        """For each namespace its events, or why they cannot be read."""
        question = {
            "kubeconfig": self._cluster.kubeconfig or None,
            "context": self._cluster.context,
            "namespaces": namespaces,
        }
        with tempfile.TemporaryDirectory(prefix="mendix-registry-") as directory:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(self._program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "TMPDIR": directory},
            )
            try:
                output, errors = await asyncio.wait_for(
                    process.communicate(json.dumps(question).encode()), self._seconds
                )
            except TimeoutError:
                process.kill()
                await process.wait()
                raise EventsError(f"no answer within {self._seconds:g} seconds") from None
        if process.returncode:
            raise EventsError((errors.decode(errors="replace").strip().splitlines() or ["it printed nothing"])[-1])
        return json.loads(output)
