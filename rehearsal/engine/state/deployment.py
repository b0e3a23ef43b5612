"""A stack's state as a whole: Pulumi's deployment, version 3, in the envelope of a ``file://`` backend's checkpoint.

Formats: ``CheckpointV3`` and ``DeploymentV3`` of ``sdk/go/common/apitype/core.go``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.engine.state.errors import SecretsError, StateError
from rehearsal.engine.state.resource import ResourceState, compact_json, read_json, timestamp
from rehearsal.engine.state.secrets import CiphertextCache, PassphraseSecrets

VERSION = 3


@dataclass(slots=True, eq=False)
class PendingOperation:
    """An operation that began and of which nobody knows whether it took effect.

    ``type`` is ``creating``, ``updating``, ``deleting`` or ``reading``; ``resource`` is the state it began with.
    """

    type: str
    resource: ResourceState
    name: tuple[str, str, str] = field(init=False)
    """Type, URN and id as they were at the beginning: what tells operations apart, also in the journal."""

    def __post_init__(self) -> None:
        self.name = (self.type, self.resource.urn, self.resource.id)

    def encode(self, seal: CiphertextCache) -> bytes:
        return b'{"resource":' + self.resource.encode(seal) + b',"type":"' + self.type.encode() + b'"}'


@dataclass(slots=True)
class Snapshot:
    """What is known of a stack: resources in an order that has dependencies first, and what was under way."""

    resources: list[ResourceState] = field(default_factory=list[ResourceState])
    pending_operations: list[PendingOperation] = field(default_factory=list[PendingOperation])
    plugins: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    time: str = ""
    """When the state was written."""
    other: dict[str, Any] = field(default_factory=dict[str, Any])
    """Parts of the deployment that the engine does not use (metadata, extensions): kept as they are."""


def engine_version() -> str:
    """The version of Pulumi whose formats are written: that of the SDK."""
    return f"v{importlib.metadata.version('pulumi')}"


def magic(version: str) -> str:
    """``ManifestV1.NewMagic``."""
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def encode_checkpoint(
    stack: str,
    resources: Iterable[ResourceState],
    pending_operations: Sequence[PendingOperation],
    seal: CiphertextCache,
    plugins: Sequence[Mapping[str, str]] = (),
    other: Mapping[str, Any] | None = None,
) -> bytes:
    """The checkpoint file of ``stack`` (its full name, ``organization/<project>/<stack>``)."""
    version = engine_version()
    manifest: dict[str, Any] = {"time": timestamp(), "magic": magic(version), "version": version}
    if plugins:
        manifest["plugins"] = list(plugins)
    provider = {"type": seal.secrets.type, "state": {"salt": seal.secrets.salt}}
    encoded = b",".join([state.encode(seal) for state in resources])
    parts = [
        b'{"version":3,"checkpoint":{"stack":',
        compact_json(stack),
        b',"latest":{"manifest":',
        compact_json(manifest),
        b',"secrets_providers":',
        compact_json(provider),
    ]
    if encoded:
        parts += [b',"resources":[', encoded, b"]"]
    if pending_operations:
        parts += [b',"pending_operations":[', b",".join([each.encode(seal) for each in pending_operations]), b"]"]
    rest: dict[str, Any] = {"metadata": {}, **(other or {})}
    for key, value in rest.items():
        parts += [b",", compact_json(key), b":", compact_json(value)]
    parts.append(b"}}}\n")
    return b"".join(parts)


_KNOWN = frozenset({"manifest", "secrets_providers", "resources", "pending_operations"})


def decode_checkpoint(data: bytes, where: str, seal: CiphertextCache) -> Snapshot:
    """The snapshot in a checkpoint file. ``where`` names the file in errors.

    Raises StateError where the file is damaged or of another version, SecretsError where its secrets cannot be read.
    """
    try:
        envelope: dict[str, Any] = read_json(data)
        version: int = envelope["version"]
        checkpoint: dict[str, Any] = envelope["checkpoint"]
        latest: dict[str, Any] = checkpoint.get("latest") or {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"the state in {where} is not a Pulumi checkpoint ({error}), so nothing can be said about the stack's "
            f"resources. Nothing was changed. {_restore(where)}"
        ) from error
    if version != VERSION:
        features = ", ".join(envelope.get("features") or []) or "a newer format"
        raise StateError(
            f"the state in {where} has version {version}; this engine reads and writes version {VERSION}. "
            + (
                f"It uses {features}. Go on with the Pulumi CLI that wrote it."
                if version > VERSION
                else "Let the Pulumi CLI bring it up to date: pulumi stack export --file s.json, then pulumi stack "
                "import --file s.json."
            )
        )
    snapshot = Snapshot()
    manifest: dict[str, Any] = latest.get("manifest") or {}
    documents: list[dict[str, Any]] = latest.get("resources") or []
    operations: list[dict[str, Any]] = latest.get("pending_operations") or []
    if manifest.get("magic", "") != magic(manifest.get("version", "")):
        raise StateError(
            f"the state in {where} was altered or damaged: the manifest's magic number does not match its version. "
            f"Nothing was changed. {_restore(where)}"
        )
    snapshot.plugins = manifest.get("plugins") or []
    snapshot.time = manifest.get("time", "")
    snapshot.other = {key: value for key, value in latest.items() if key not in _KNOWN}
    own = _own_secrets(latest.get("secrets_providers"), where, seal)
    snapshot.resources = [ResourceState.from_json(each, own) for each in documents]
    snapshot.pending_operations = [
        PendingOperation(each["type"], ResourceState.from_json(each["resource"], own)) for each in operations
    ]
    if own is not seal:
        for state in (*snapshot.resources, *(each.resource for each in snapshot.pending_operations)):
            state.forget_encoding()  # its ciphertexts belong to the old salt
    return snapshot


def _own_secrets(provider: dict[str, Any] | None, where: str, seal: CiphertextCache) -> CiphertextCache:
    """What decrypts the state: the stack's secrets, or the same passphrase with the salt the state still has."""
    if not provider or not provider.get("type"):
        return seal
    if provider["type"] != PassphraseSecrets.type:
        raise SecretsError(
            f"the secrets in {where} are encrypted by {provider['type']!r}; this engine has passphrase secrets only. "
            f"Nothing was changed. Move them with the Pulumi CLI: pulumi stack change-secrets-provider passphrase"
        )
    state: dict[str, Any] = provider.get("state") or {}
    salt: str = state.get("salt") or ""
    if not salt or salt == seal.secrets.salt:
        return seal
    return CiphertextCache(seal.secrets.with_salt(salt, where))


def _restore(where: str) -> str:
    return f"The state before the last update is in {where}.bak, older ones are under .pulumi/backups: copy one back."


def problem(resources: Sequence[ResourceState]) -> str | None:
    """Why Pulumi would refuse this list of resources (``Snapshot.VerifyIntegrity``), or None where it would not."""
    seen: set[str] = set()
    providers: set[str] = set()
    for index, state in enumerate(resources):
        urn = state.urn
        if state.provider and state.provider not in providers:
            return (
                f"resource {urn} names the provider {state.provider}, which {_where(state.provider, resources[index:])}"
            )
        if state.parent:
            if state.parent not in seen:
                return f"resource {urn} has the parent {state.parent}, which {_where(state.parent, resources[index:])}"
            if not _is_child(urn, state.parent):
                return f"resource {urn} has the parent {state.parent}, but its URN names another"
        for other in references(state):
            if other not in seen:
                return f"resource {urn} depends on {other}, which {_where(other, resources[index:])}"
        if urn in seen and not state.delete:
            return f"resource {urn} stands there twice without being marked for deletion"
        seen.add(urn)
        if state.type.startswith("pulumi:providers:"):
            providers.add(state.reference())
    return None


def references(state: ResourceState) -> Iterable[str]:
    """URNs that must stand before this resource, its parent and provider apart."""
    if state.dependencies:
        yield from state.dependencies
    for urns in state.property_dependencies.values():
        yield from urns
    if state.deleted_with:
        yield state.deleted_with
    if state.replace_with:
        yield from state.replace_with
    if state.view_of:
        yield state.view_of


def _where(name: str, rest: Sequence[ResourceState]) -> str:
    comes_later = any(name in (state.urn, state.reference()) for state in rest)
    return "comes after it" if comes_later else "does not exist"


def _is_child(urn: str, parent: str) -> bool:
    parent_type = parent.split("::", 3)[2]
    own_type = urn.split("::", 3)[2]
    if parent_type == "pulumi:pulumi:Stack":
        return "$" not in own_type
    return own_type.rpartition("$")[0] == parent_type


def verify(resources: Sequence[ResourceState], where: str) -> None:
    """Raises StateError where Pulumi would refuse the state."""
    reason = problem(resources)
    if reason:
        raise StateError(
            f"the state in {where} is damaged: {reason}. Going on could lose or delete resources, so nothing was "
            f"changed. Let the Pulumi CLI mend it (pulumi state repair), or: {_restore(where)}"
        )
