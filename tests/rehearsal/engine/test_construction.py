"""A remote component has the options that its program gave it."""

from __future__ import annotations

from pulumi.runtime.proto import alias_pb2, provider_pb2, resource_pb2

from rehearsal.engine.construction import hand_over_options


def handed_over(**options: object) -> provider_pb2.ConstructRequest:
    asked = provider_pb2.ConstructRequest()
    hand_over_options(resource_pb2.RegisterResourceRequest(**options), asked)  # type: ignore[arg-type]
    return asked


def test_a_remote_component_gets_every_option() -> None:
    """None was sent: a component of a package in another language was unprotected, whatever its program said."""
    asked = handed_over(
        protect=True,
        retainOnDelete=False,
        deleteBeforeReplace=True,
        deleteBeforeReplaceDefined=True,
        deletedWith="urn:cluster",
        ignoreChanges=["tags"],
        replaceOnChanges=["name"],
        additionalSecretOutputs=["token"],
        aliases=[alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="old"))],
        aliasURNs=["urn:older"],
        customTimeouts=resource_pb2.RegisterResourceRequest.CustomTimeouts(create="5m", delete="1m"),
    )
    assert asked.protect
    assert asked.HasField("retainOnDelete") and not asked.retainOnDelete
    assert asked.deleteBeforeReplace
    assert asked.deletedWith == "urn:cluster"
    assert [*asked.ignoreChanges, *asked.replaceOnChanges] == ["tags", "name"]
    assert list(asked.additionalSecretOutputs) == ["token"]
    assert [alias.spec.name or alias.urn for alias in asked.aliases] == ["old", "urn:older"]
    timeouts = asked.customTimeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("5m", "", "1m")


def test_what_a_program_leaves_open_stays_open() -> None:
    """An explicit no would end what a component inherits from its parent."""
    asked = handed_over()
    for name in ("protect", "retainOnDelete", "deleteBeforeReplace", "customTimeouts"):
        assert not asked.HasField(name), name
