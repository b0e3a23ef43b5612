"""What can go wrong with a stack's state. Every message says what was wrong, what is safe, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.engine.errors import EngineError


class StateError(EngineError):
    """The state cannot be used as it is. Nothing was changed."""


class JournalMismatchError(StateError):
    """The journal of a killed update belongs to another checkpoint than the one beside it."""


class SecretsError(StateError):
    """The stack's secrets cannot be read or written: wrong passphrase, or a secrets provider that is not supported."""


class StackLockedError(StateError):
    """Another process works on the stack."""


class StateWriteError(StateError):
    """The state could not be written, for instance because the disk is full.

    What had been recorded before is intact. ``unrecorded`` names (URN, id) of resources whose last step is *not*
    recorded; it is empty unless even the space reserved for running steps could not be used.
    """

    def __init__(self, message: str, unrecorded: Sequence[tuple[str, str]] = ()) -> None:
        self.unrecorded = tuple(unrecorded)
        if self.unrecorded:
            lines = "\n".join(f"  {urn} id {identifier or '(none)'}" for urn, identifier in self.unrecorded)
            message += (
                f"\nThese resources changed after the last record; keep this list, and import or delete them:\n{lines}"
            )
        super().__init__(message)
