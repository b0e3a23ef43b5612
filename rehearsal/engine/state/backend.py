"""A ``file://`` backend: finds it, lists its stacks, opens one for an update."""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.engine.state import lock
from rehearsal.engine.state.deployment import Snapshot, decode_checkpoint, encode_checkpoint, verify
from rehearsal.engine.state.durable import explained, make_directory, remove_temporary, replace_file
from rehearsal.engine.state.errors import JournalMismatchError, StateError
from rehearsal.engine.state.history import read_history
from rehearsal.engine.state.journal import append_to
from rehearsal.engine.state.layout import StackFiles
from rehearsal.engine.state.recovery import Recovery, digest, recover
from rehearsal.engine.state.resource import compact_json
from rehearsal.engine.state.secrets import CiphertextCache, PassphraseSecrets
from rehearsal.engine.state.session import Session

_SCHEME = "file://"
# Searched, not parsed: the state is parsed once, by whoever opens it.
_SALT = re.compile(rb'"secrets_providers":\s*{\s*"type":\s*"passphrase",\s*"state":\s*{\s*"salt":\s*"([^"]+)"')
_LOOKS = 3
_NOTHING_CHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class StackSummary:
    """A stack in a backend. ``modified`` is when its checkpoint was last written, in seconds since 1970."""

    project: str
    stack: str
    path: Path
    modified: float
    unfinished: bool
    """Whether an update was killed, so that its journal waits to be taken over (or one is running)."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The directory that holds the state of stacks, in the layout of Pulumi's CLI."""

    root: Path

    @classmethod
    def find(cls, project_url: str = "", *, home: Path, project_root: Path, environ: Mapping[str, str]) -> Backend:
        """The backend that PULUMI_BACKEND_URL or the project names, else ``<home>/state``, the sandbox's own.

        Relative paths count from the working directory in the variable, and from Pulumi.yaml in the project, where
        the CLI is run. Raises StateError for backends that are not files.
        """
        url = environ.get("PULUMI_BACKEND_URL", "")
        source, base = "PULUMI_BACKEND_URL", Path.cwd()
        if not url:
            url, source, base = project_url, "Pulumi.yaml (backend.url)", project_root
        if not url:
            return cls((home / "state").resolve())
        if not url.startswith(_SCHEME):
            raise StateError(
                f"{source} names the backend {url}; this engine keeps state in files only, since it works without any "
                f"account. Use the Pulumi CLI for this stack, or set PULUMI_BACKEND_URL=file://<directory>."
            )
        path = urllib.parse.unquote(url.removeprefix(_SCHEME).partition("?")[0])
        return cls((base / Path(path or ".").expanduser()).resolve())

    @property
    def url(self) -> str:
        return f"{_SCHEME}{self.root}"

    def files(self, project: str, stack: str) -> StackFiles:
        """Raises StateError for names that Pulumi does not allow."""
        return StackFiles(self.root, project, stack)

    def stacks(self, project: str | None = None) -> list[StackSummary]:
        """The stacks there are, of one project or of all."""
        summaries: list[StackSummary] = []
        for path in sorted((self.root / ".pulumi" / "stacks").glob(f"{project or '*'}/*.json")):
            files = StackFiles(self.root, path.parent.name, path.stem)
            summaries.append(
                StackSummary(files.project, files.stack, path, path.stat().st_mtime, files.journal.exists())
            )
        return summaries

    def exists(self, project: str, stack: str) -> bool:
        return self.files(project, stack).checkpoint.exists()

    def salt(self, project: str, stack: str) -> str:
        """The salt of the secrets in the stack's state; empty where there is no state."""
        path = self.files(project, stack).checkpoint
        found = _SALT.search(path.read_bytes()) if path.is_file() else None
        return found.group(1).decode() if found else ""

    def load(self, project: str, stack: str, secrets: PassphraseSecrets) -> Snapshot:
        """The state of a stack, for looking at: no lock is taken and nothing written. Empty for a stack without state.

        Raises StateError and SecretsError as ``open``.
        """
        self._check_layout()
        files = self.files(project, stack)
        _refuse_compressed(files)
        if not files.checkpoint.exists():
            return Snapshot()
        for _ in range(_LOOKS):
            try:
                return _read(files, CiphertextCache(secrets))[0]
            except JournalMismatchError:
                time.sleep(0.05)  # an update may just have put a new checkpoint and a new journal there
        return _read(files, CiphertextCache(secrets))[0]

    def open(self, project: str, stack: str, secrets: PassphraseSecrets, *, notice: Callable[[str], None]) -> Session:
        """Lock a stack for an update and load its state; a stack without state is begun.

        What an update that was killed had recorded is taken over, and ``notice`` hears of it. Raises StackLockedError,
        StateError where the state is damaged or of another version, SecretsError where it cannot be decrypted, and
        StateWriteError where the disk is full or read-only. After an error nothing is locked.
        """
        self._check_layout()
        files = self.files(project, stack)
        held = lock.acquire(files, notice)
        try:
            _refuse_compressed(files)
            seal = CiphertextCache(secrets)
            if not files.checkpoint.exists():
                self._begin(files, seal)
            else:
                remove_temporary(files.directory, stack)
            snapshot, data, recovery = _read(files, seal)
            if recovery is not None:
                data = self._take_over(files, seal, snapshot, data, recovery, notice)
            return Session(files, held, snapshot, data, seal, notice)
        except BaseException:
            held.release()
            raise

    def remove(self, project: str, stack: str, *, notice: Callable[[str], None]) -> None:
        """Forget a stack: state, journal and history; backups stay, as with the CLI. Raises StackLockedError."""
        files = self.files(project, stack)
        held = lock.acquire(files, notice)
        try:
            with explained(files.checkpoint, "the removal of the stack", "What was not removed is intact."):
                if files.checkpoint.exists():
                    files.back_up()
                for path in (files.checkpoint, files.journal, *files.history.glob("*")):
                    path.unlink(missing_ok=True)
        finally:
            held.release()

    def lock_holders(self, project: str, stack: str) -> list[str]:
        """Who holds the stack's lock now, in words; empty where nobody does."""
        return lock.holders(self.files(project, stack))

    def break_locks(self, project: str, stack: str) -> list[str]:
        """Remove the locks of a stack, as ``pulumi cancel`` does. Tells whose they were."""
        return lock.break_locks(self.files(project, stack))

    def history(self, project: str, stack: str) -> list[dict[str, Any]]:
        """The records of the stack's updates, the latest first."""
        return read_history(self.files(project, stack))

    def _check_layout(self) -> None:
        path = self.root / ".pulumi" / "meta.yaml"
        try:
            meta = yaml.safe_load(path.read_bytes())
            version = meta["version"]
        except FileNotFoundError:
            version = 0 if any((self.root / ".pulumi" / "stacks").glob("*.json")) else 1
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise StateError(
                f"{path} should say which layout the backend has (version: 1) and does not: {error}. "
                f"{_NOTHING_CHANGED} Restore it, or name another backend."
            ) from error
        if version != 1:
            raise StateError(
                f"the backend {self.url} has layout {version}; this engine knows layout 1, with a directory for each "
                f"project. {_NOTHING_CHANGED}"
                + (" Bring it up to date with the Pulumi CLI: pulumi state upgrade" if version == 0 else "")
            )

    def _begin(self, files: StackFiles, seal: CiphertextCache) -> None:
        with explained(files.checkpoint, "the state of the new stack", _NOTHING_CHANGED):
            make_directory(files.directory)
            meta = self.root / ".pulumi" / "meta.yaml"
            if not meta.exists():
                replace_file(meta, b"version: 1\n")
            replace_file(files.checkpoint, encode_checkpoint(files.full_name, [], [], seal))

    def _take_over(
        self,
        files: StackFiles,
        seal: CiphertextCache,
        snapshot: Snapshot,
        data: bytes,
        recovery: Recovery,
        notice: Callable[[str], None],
    ) -> bytes:
        """Put the journal's steps into the checkpoint. The journal is only replaced by the next one once they are."""
        if recovery.records:
            data = encode_checkpoint(
                files.full_name,
                snapshot.resources,
                snapshot.pending_operations,
                seal,
                snapshot.plugins,
                snapshot.other,
            )
            with explained(files.checkpoint, "the state", f"Every step is safe in the journal {files.journal}."):
                # Until the next journal takes its place, this one must count for either checkpoint.
                rebase = compact_json({"do": "rebase", "checkpoint": digest(data)})
                append_to(files.journal, recovery.end, rebase)
                files.back_up()
                replace_file(files.checkpoint, data)
        for text in recovery.notices:
            notice(text)
        return data


def _read(files: StackFiles, seal: CiphertextCache) -> tuple[Snapshot, bytes, Recovery | None]:
    where = str(files.checkpoint)
    try:
        data = files.checkpoint.read_bytes()
    except OSError as error:
        raise StateError(
            f"the state {where} cannot be read: {error.strerror or error}. {_NOTHING_CHANGED} "
            f"Give your user the right to."
        ) from error
    snapshot = decode_checkpoint(data, where, seal)
    verify(snapshot.resources, where)
    return snapshot, data, recover(snapshot, data, files.journal, seal)


def _refuse_compressed(files: StackFiles) -> None:
    for suffix in (".gz", ".zst"):
        path = files.checkpoint.with_name(files.checkpoint.name + suffix)
        if path.exists():
            raise StateError(
                f"the state {path} is compressed, which this engine does not write. {_NOTHING_CHANGED} Decompress it "
                f"beside itself and remove the compressed one; the CLI then goes on without compression as well."
            )
