"""What the provider of a remote component is told beside the component's inputs."""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import alias_pb2, provider_pb2


def hand_over_options(request: Any, asked: Any) -> None:
    """Give a ``ConstructRequest`` the options of the ``RegisterResourceRequest`` of a remote component: it is the provider that
    registers the component, with what it is told here."""
    asked.aliases.extend(request.aliases)
    # Where an SDK sends aliases as URNs.
    asked.aliases.extend(alias_pb2.Alias(urn=urn) for urn in request.aliasURNs)
    asked.additionalSecretOutputs.extend(request.additionalSecretOutputs)
    asked.ignoreChanges.extend(request.ignoreChanges)
    asked.replaceOnChanges.extend(request.replaceOnChanges)
    asked.deletedWith = request.deletedWith
    if request.HasField("protect"):
        asked.protect = request.protect
    if request.HasField("retainOnDelete"):
        asked.retainOnDelete = request.retainOnDelete
    # The Go SDK sends a true one without saying that it is defined.
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        asked.deleteBeforeReplace = request.deleteBeforeReplace
    if request.HasField("customTimeouts"):
        given = request.customTimeouts
        asked.customTimeouts.CopyFrom(
            provider_pb2.ConstructRequest.CustomTimeouts(create=given.create, update=given.update, delete=given.delete)
        )
