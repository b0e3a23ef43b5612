"""Where a ``file://`` backend keeps what: the layout of Pulumi's CLI, version 1 (``pkg/backend/diy/store.go``).

Below the backend's root::

    .pulumi/meta.yaml
    .pulumi/stacks/<project>/<stack>.json                 the checkpoint, and .json.bak of the one before
    .pulumi/stacks/<project>/<stack>.journal              this engine's, while an update runs or was killed
    .pulumi/backups/<project>/<stack>/<stack>.<ns>.json
    .pulumi/history/<project>/<stack>/<stack>-<ns>.history.json, .checkpoint.json
    .pulumi/locks/organization/<project>/<stack>/<uuid>.json
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rehearsal.engine.state.durable import keep_copy
from rehearsal.engine.state.errors import StateError

ORGANIZATION = "organization"
"""What a ``file://`` backend, which has no organisations, calls its only one."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class StackFiles:
    """The files of one stack below the backend's ``root``. Raises StateError for names that Pulumi does not allow."""

    root: Path
    project: str
    stack: str

    def __post_init__(self) -> None:
        for kind, name in (("project", self.project), ("stack", self.stack)):
            if not _NAME.fullmatch(name) or name in (".", ".."):
                raise StateError(
                    f"{name!r} cannot be the name of a {kind}, since it is a file name in the state: use up to 100 "
                    f"letters, digits, '-', '_' and '.'"
                )

    @property
    def full_name(self) -> str:
        return f"{ORGANIZATION}/{self.project}/{self.stack}"

    @property
    def directory(self) -> Path:
        return self.root / ".pulumi" / "stacks" / self.project

    @property
    def checkpoint(self) -> Path:
        return self.directory / f"{self.stack}.json"

    @property
    def backup(self) -> Path:
        return self.directory / f"{self.stack}.json.bak"

    @property
    def journal(self) -> Path:
        return self.directory / f"{self.stack}.journal"

    @property
    def backups(self) -> Path:
        return self.root / ".pulumi" / "backups" / self.project / self.stack

    @property
    def history(self) -> Path:
        return self.root / ".pulumi" / "history" / self.project / self.stack

    @property
    def locks(self) -> Path:
        return self.root / ".pulumi" / "locks" / ORGANIZATION / self.project / self.stack

    def back_up(self) -> None:
        """Keep the present checkpoint as ``.bak``, as the CLI does before it writes. Raises OSError."""
        if self.checkpoint.exists():
            keep_copy(self.checkpoint, self.backup)
