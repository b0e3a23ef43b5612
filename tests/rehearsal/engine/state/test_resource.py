"""A resource's JSON: nothing is lost, secrets are encrypted, and Pulumi's own code reads it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rehearsal.engine.properties import RESOURCE_REFERENCE, SECRET, SIGNATURE, secret
from rehearsal.engine.state import PassphraseSecrets, ResourceState
from rehearsal.engine.state.deployment import encode_checkpoint
from rehearsal.engine.state.resource import FLOAT
from rehearsal.engine.state.secrets import CiphertextCache

CANARY = "c4n4ry-d0-n0t-l34k"
URN = "urn:pulumi:dev::shop::test:index:Thing::one"

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
hidden = st.builds(lambda inner: secret({"inside": inner, "text": f"{CANARY} <&> \u2028 ü"}), plain)
reference = st.just({SIGNATURE: RESOURCE_REFERENCE, "urn": URN, "id": "i", "packageVersion": ""})
values = st.recursive(
    plain | hidden | reference,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.builds(secret, inner)
    ),
    max_leaves=8,
)
properties = st.dictionaries(st.text(), values, max_size=4)
FAST = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def full_state() -> ResourceState:
    """Every field set to something."""
    return ResourceState(
        urn=URN,
        type="test:index:Thing",
        delete=True,
        id="i-1",
        inputs={"a": 1, "password": secret("hunter2")},
        outputs={"a": 1, "password": secret("hunter2"), "nothing": None},
        parent="urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
        protect=True,
        taint=True,
        external=True,
        dependencies=[URN],
        init_errors=["not ready"],
        provider="urn:pulumi:dev::shop::pulumi:providers:test::p::1",
        property_dependencies={"a": [URN]},
        pending_replacement=True,
        additional_secret_outputs=["password"],
        aliases=["urn:pulumi:dev::shop::test:index:Thing::old"],
        custom_timeouts={"create": 60.0, "delete": 1.5},
        import_id="i-1",
        retain_on_delete=True,
        deleted_with=URN,
        replace_with=[URN],
        created="2026-01-02T03:04:05.678901Z",
        modified="2026-01-02T03:04:05.678901Z",
        source_position="project:///__main__.py#3,1",
        stack_trace=[{"sourcePosition": "project:///__main__.py#3,1"}],
        ignore_changes=["a"],
        hide_diff=[],
        replace_on_changes=["b"],
        replacement_trigger=secret("t"),
        refresh_before_update=True,
        view_of=URN,
        resource_hooks={"before-create": ["hook"]},
        extension_ref="x",
        snippet_id="5f4dcc3b-5aa7-65d6-1d83-27deb882cf99",
    )


def encoded(state: ResourceState, secrets: PassphraseSecrets) -> bytes:
    return state.encode(CiphertextCache(secrets))


def decoded(data: bytes, secrets: PassphraseSecrets) -> ResourceState:
    return ResourceState.from_json(json.loads(data), CiphertextCache(secrets))


def fields_of(state: ResourceState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in ResourceState.__slots__ if not name.startswith("_")}


@FAST
@given(inputs=properties, outputs=properties)
def test_what_is_written_is_read_again(
    inputs: dict[str, Any], outputs: dict[str, Any], secrets: PassphraseSecrets
) -> None:
    state = ResourceState(urn=URN, type="t:t:t", inputs=inputs, outputs=outputs)
    assert fields_of(decoded(encoded(state, secrets), secrets)) == fields_of(state)


@FAST
@given(inputs=properties)
def test_no_secret_is_readable_and_unchanged_state_keeps_its_bytes(
    inputs: dict[str, Any], secrets: PassphraseSecrets
) -> None:
    data = encoded(ResourceState(urn=URN, type="t:t:t", inputs={**inputs, "x": secret(CANARY)}), secrets)
    assert CANARY.encode() not in data
    assert encoded(decoded(data, secrets), secrets) == data


def test_every_field_survives(secrets: PassphraseSecrets) -> None:
    assert fields_of(decoded(encoded(full_state(), secrets), secrets)) == fields_of(full_state())


def test_a_secret_keeps_its_ciphertext_while_others_change(secrets: PassphraseSecrets) -> None:
    before = json.loads(encoded(full_state(), secrets))
    seal = CiphertextCache(secrets)
    loaded = ResourceState.from_json(before, seal)
    changed = replace(loaded, inputs={**loaded.inputs, "a": 2, "new": secret("other")})
    after = changed.to_json(seal)
    assert after["inputs"]["password"] == before["inputs"]["password"]
    assert after["inputs"]["a"] == 2
    assert after["inputs"]["new"]["ciphertext"] != before["inputs"]["password"]["ciphertext"]


def test_two_resources_with_one_secret_have_different_ciphertexts(secrets: PassphraseSecrets) -> None:
    seal = CiphertextCache(secrets)
    one, two = (
        ResourceState(urn=f"{URN}{name}", type="t", inputs={"p": secret("same")}).to_json(seal)["inputs"]["p"]
        for name in "ab"
    )
    assert one["ciphertext"] != two["ciphertext"]


def test_fields_of_a_newer_pulumi_are_kept(secrets: PassphraseSecrets) -> None:
    document = {"urn": URN, "custom": True, "type": "t:t:t", "futureField": {"a": [1]}}
    state = decoded(json.dumps(document).encode(), secrets)
    assert replace(state, protect=True).to_json(CiphertextCache(secrets)) == {**document, "protect": True}


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_lacks(number: float, secrets: PassphraseSecrets) -> None:
    state = ResourceState(urn=URN, type="t:t:t", inputs={"hidden": secret([number]), "plain": number})
    data = encoded(state, secrets)
    assert json.loads(data)["inputs"]["plain"][SIGNATURE] == FLOAT
    assert repr(decoded(data, secrets).inputs) == repr(state.inputs)


def test_no_field_of_pulumis_is_unknown(pulumi: Any, secrets: PassphraseSecrets) -> None:
    """Pulumi's own type lists the fields; a new one in a later version shows here."""
    known = set(json.loads(encoded(replace(full_state(), hide_diff=["a"]), secrets)))
    assert known == set(pulumi.ask("resource-fields"))


def checkpoint_of(state: ResourceState, secrets: PassphraseSecrets) -> dict[str, Any]:
    return json.loads(encode_checkpoint("organization/shop/dev", [state], [], CiphertextCache(secrets)))


def test_pulumi_reads_every_field_as_it_was_meant(pulumi: Any, secrets: PassphraseSecrets) -> None:
    state = replace(full_state(), aliases=[], urn=URN)
    written = checkpoint_of(state, secrets)
    assert pulumi.ask("checkpoint", checkpoint=written) == written


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=properties)
@example(inputs={"large": 7.09e16, "shortest": 1.2345678901234567e17, "exact": 2**53})
def test_pulumi_reads_any_properties(inputs: dict[str, Any], pulumi: Any, secrets: PassphraseSecrets) -> None:
    written = checkpoint_of(ResourceState(urn=URN, type="t:t:t", inputs=inputs), secrets)
    read = pulumi.ask("checkpoint", checkpoint=written)
    # An empty mapping is left out by both; Go has one kind of number.
    assert read["checkpoint"]["latest"]["resources"] == written["checkpoint"]["latest"]["resources"]


@FAST
@given(inputs=properties)
def test_valid_by_pulumis_json_schema(
    inputs: dict[str, Any], schema: jsonschema.Draft202012Validator, secrets: PassphraseSecrets
) -> None:
    written = checkpoint_of(replace(full_state(), inputs=inputs), secrets)
    schema.validate({"version": 3, "deployment": written["checkpoint"]["latest"]})


def test_the_schema_refuses_what_it_should(schema: jsonschema.Draft202012Validator, secrets: PassphraseSecrets) -> None:
    written = checkpoint_of(full_state(), secrets)["checkpoint"]["latest"]
    written["resources"][0]["inputs"]["password"] = {SIGNATURE: SECRET, "value": "plain"}
    with pytest.raises(jsonschema.ValidationError):
        schema.validate({"version": 3, "deployment": written})
