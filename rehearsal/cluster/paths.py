"""Where things lie: the node's directory in a sandbox home, and the cache shared by every sandbox of a user."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rehearsal.cluster.errors import ClusterError

INSIDE = Path("/run/rehearsal")
"""Where the node's directory is mounted inside its own mount namespace.

A fixed short path: Unix socket names are limited to 108 bytes, and no configuration needs to know the home.
"""


def cache_path() -> Path:
    """Where the user's cache is (``REHEARSAL_CACHE`` overrides it), outside any checkout so that all of them share one build."""
    override = os.environ.get("REHEARSAL_CACHE")
    return (Path(override) if override else platformdirs.user_cache_path("mendix-registry")).resolve()


def cache_directory() -> Path:
    """The user's cache, made where there is none. Raises :class:`ClusterError` where it cannot be."""
    path = cache_path()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ClusterError(
            f"The cache {path}, for what is built once, cannot be made: {error.strerror}.",
            "Name a directory that you may write, with 8 GB free, in REHEARSAL_CACHE.",
        ) from error
    return path


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> bool:
    """Replace ``path`` as a whole; a reader sees the old or the new content, never a part.

    Returns False, and leaves the file alone, when it already had this content: readers that watch the modification
    time are not disturbed.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary = Path(name)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


@dataclass(frozen=True, slots=True)
class NodeDirectory:
    """The built node's directory, ``<home>/cluster``, as seen from the host."""

    root: Path

    @classmethod
    def of(cls, home: Path) -> NodeDirectory:
        return cls(home.resolve() / "cluster")

    @property
    def state(self) -> Path:
        """Who was started: see :class:`rehearsal.cluster.state.NodeState`."""
        return self.root / "state.json"

    @property
    def processes(self) -> Path:
        """What the supervisor shall run."""
        return self.root / "processes.json"

    @property
    def running(self) -> Path:
        """What the supervisor does run, written by it."""
        return self.root / "running.json"

    @property
    def names(self) -> Path:
        """Names that the node's DNS answers, beside its own."""
        return self.root / "names.json"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def configuration(self) -> Path:
        return self.root / "etc"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def lock(self) -> Path:
        return self.root.parent / "cluster.lock"

    def inside(self, path: Path) -> str:
        """The name inside the node of a path below this directory."""
        return str(INSIDE / path.relative_to(self.root))

    def create(self) -> None:
        for path in (self.root, self.pki, self.configuration, self.logs, self.data):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
