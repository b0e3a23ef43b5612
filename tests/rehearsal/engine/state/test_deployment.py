"""States that must not be used: each is refused with the reason and a way out, and left as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.properties import secret
from rehearsal.engine.state import (
    Backend,
    PassphraseSecrets,
    PendingOperation,
    ResourceState,
    SecretsError,
    Session,
    StateError,
    UpdateRecord,
)
from rehearsal.engine.state.deployment import decode_checkpoint, encode_checkpoint, problem
from rehearsal.engine.state.secrets import CiphertextCache

Make = Callable[..., ResourceState]
DONE = UpdateRecord("update", ok=True)


def write(resources: list[ResourceState], secrets: PassphraseSecrets) -> bytes:
    return encode_checkpoint("organization/shop/dev", resources, [], CiphertextCache(secrets))


def altered(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    document = json.loads(data)
    change(document)
    return json.dumps(document).encode()


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "not a Pulumi checkpoint"),
    "cut off": (lambda data: data[: len(data) // 2], "not a Pulumi checkpoint"),
    "another file": (lambda data: b"[1, 2]", "not a Pulumi checkpoint"),
    "older": (lambda data: altered(data, lambda d: d.update(version=2)), "version 2.*pulumi stack import"),
    "newer": (
        lambda data: altered(data, lambda d: d.update(version=4, features=["taint"])),
        "version 4.*uses taint.*Pulumi CLI",
    ),
    "altered manifest": (
        lambda data: altered(data, lambda d: d["checkpoint"]["latest"]["manifest"].update(version="v1")),
        "magic number",
    ),
    "no URN": (lambda data: altered(data, lambda d: d["checkpoint"]["latest"]["resources"][0].pop("urn")), "no URN"),
    "no type": (lambda data: altered(data, lambda d: d["checkpoint"]["latest"]["resources"][0].pop("type")), "no type"),
    "duplicate": (
        lambda data: altered(
            data, lambda d: d["checkpoint"]["latest"]["resources"].append(d["checkpoint"]["latest"]["resources"][0])
        ),
        "stands there twice",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_damaged_state_is_refused_and_left_alone(
    kind: str, backend: Backend, start: Callable[[], Session], make: Make, secrets: PassphraseSecrets
) -> None:
    start().close(DONE)
    files = backend.files("shop", "dev")
    spoil, message = BROKEN[kind]
    spoilt = spoil(write([make("a")], secrets))
    files.checkpoint.write_bytes(spoilt)
    with pytest.raises(StateError, match=f"(?s){re.escape(str(files.checkpoint))}|resource.*{message}") as caught:
        start()
    assert re.search(message, str(caught.value), re.DOTALL)
    assert files.checkpoint.read_bytes() == spoilt
    assert not list(files.locks.glob("*"))


def test_what_pulumi_would_refuse(make: Make) -> None:
    parent = make("p")
    child = make("c", parent=parent)
    other = make("o", dependencies=[parent.urn])
    provider = make("x", type="pulumi:providers:test")
    provided = make("y", provider=provider.reference())
    assert problem([parent, child, other, provider, provided]) is None
    assert "comes after it" in (problem([child, parent]) or "")
    assert "does not exist" in (problem([child]) or "")
    assert "depends on" in (problem([other, parent]) or "")
    assert "names the provider" in (problem([provided, provider]) or "")
    assert "does not exist" in (problem([make("z", deleted_with="urn:pulumi:dev::shop::a:b:c::gone")]) or "")
    assert "does not exist" in (problem([make("z", property_dependencies={"a": ["urn:gone"]})]) or "")
    wrong = make("w", parent=parent)
    wrong.urn = make("w").urn
    assert "names another" in (problem([parent, wrong]) or "")
    dying = make("p", delete=True)
    assert problem([parent, dying]) is None
    assert "twice" in (problem([dying, parent]) or "")


def test_a_wrong_passphrase_for_the_state_is_told_with_its_file(make: Make, secrets: PassphraseSecrets) -> None:
    other = PassphraseSecrets.create("another", source="x")
    data = write([make("a", inputs={"p": secret("s")})], other)
    with pytest.raises(SecretsError, match=r"wrong passphrase.*state\.json"):
        decode_checkpoint(data, "state.json", CiphertextCache(secrets))


def test_a_state_with_another_salt_is_encrypted_anew(make: Make, secrets: PassphraseSecrets) -> None:
    other = PassphraseSecrets.create("correct horse battery staple", source="x")
    data = write([make("a", inputs={"p": secret("s")})], other)
    seal = CiphertextCache(secrets)
    [state] = decode_checkpoint(data, "state.json", seal).resources
    assert state.inputs == {"p": secret("s")}
    assert secrets.decrypt(state.to_json(seal)["inputs"]["p"]["ciphertext"]) == '"s"'


def test_another_secrets_provider_is_refused(make: Make, secrets: PassphraseSecrets) -> None:
    data = altered(
        write([make("a")], secrets),
        lambda d: d["checkpoint"]["latest"].update(secrets_providers={"type": "service", "state": {}}),
    )
    with pytest.raises(SecretsError, match=r"'service'.*change-secrets-provider"):
        decode_checkpoint(data, "state.json", CiphertextCache(secrets))


def test_an_empty_checkpoint_of_the_cli(secrets: PassphraseSecrets) -> None:
    """What ``pulumi stack init`` leaves."""
    for latest in (
        "",
        ',"latest":null',
        ',"latest":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}',
    ):
        data = b'{"version":3,"checkpoint":{"stack":"organization/shop/dev"%s}}' % latest.encode()
        assert decode_checkpoint(data, "x", CiphertextCache(secrets)).resources == []


def test_parts_the_engine_does_not_use_are_kept(make: Make, secrets: PassphraseSecrets, tmp_path: Path) -> None:
    parts = {"metadata": {"integrity_error": {"version": "v3", "command": "up", "error": "e"}}, "extensions": {"e": {}}}
    data = altered(write([make("a")], secrets), lambda d: d["checkpoint"]["latest"].update(parts))
    seal = CiphertextCache(secrets)
    snapshot = decode_checkpoint(data, "x", seal)
    again = encode_checkpoint("s", snapshot.resources, [], seal, snapshot.plugins, snapshot.other)
    latest = json.loads(again)["checkpoint"]["latest"]
    assert {key: latest[key] for key in parts} == parts


def test_pending_operations_and_plugins_as_pulumi_reads_them(
    make: Make, secrets: PassphraseSecrets, pulumi: Any
) -> None:
    plugins = [{"name": "kubernetes", "path": "/p", "type": "resource", "version": "4.0.0"}]
    pending = [PendingOperation("creating", make("a", id="", inputs={"p": secret("s")}))]
    data = encode_checkpoint("organization/shop/dev", [make("b")], pending, CiphertextCache(secrets), plugins)
    assert pulumi.ask("checkpoint", checkpoint=json.loads(data)) == json.loads(data)
