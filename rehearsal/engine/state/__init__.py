"""The state of stacks: Pulumi's deployments in a ``file://`` backend, recorded after every step.

``Backend`` finds and opens; ``Session`` records an update; ``ResourceState`` is what is recorded.
"""

from rehearsal.engine.state.backend import Backend, StackSummary
from rehearsal.engine.state.deployment import PendingOperation, Snapshot
from rehearsal.engine.state.errors import (
    JournalMismatchError,
    SecretsError,
    StackLockedError,
    StateError,
    StateWriteError,
)
from rehearsal.engine.state.history import UpdateRecord
from rehearsal.engine.state.passphrase import Passphrase, find_passphrase, open_secrets
from rehearsal.engine.state.resource import ResourceState, timestamp
from rehearsal.engine.state.secrets import PassphraseSecrets
from rehearsal.engine.state.session import Session, Token

__all__ = [
    "Backend",
    "JournalMismatchError",
    "Passphrase",
    "PassphraseSecrets",
    "PendingOperation",
    "ResourceState",
    "SecretsError",
    "Session",
    "Snapshot",
    "StackLockedError",
    "StackSummary",
    "StateError",
    "StateWriteError",
    "Token",
    "UpdateRecord",
    "find_passphrase",
    "open_secrets",
    "timestamp",
]
