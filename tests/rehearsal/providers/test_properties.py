"""Property values survive the protocol, with secrets and unknowns in their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from rehearsal.providers.kubernetes.properties import (
    UNKNOWN,
    PropertyError,
    Secret,
    from_api,
    has_secret,
    has_unknown,
    plain,
    read_struct,
    to_api,
    write_struct,
)

names = st.text(min_size=1, max_size=8).filter(lambda text: text != rpc._special_sig_key)
leaves = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**53), max_value=2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.text(max_size=20),
    st.just(UNKNOWN),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4), inner.map(Secret)),
    max_leaves=20,
)
properties = st.dictionaries(names, values, max_size=5)


@given(properties)
def test_values_come_back_as_they_went(value: dict) -> None:
    assert read_struct(write_struct(value)) == value


@pytest.mark.slow
@given(properties)
def test_an_engine_without_secrets_gets_plain_values(value: dict) -> None:
    assert read_struct(write_struct(value, secrets=False)) == plain(value)
    assert not has_secret(plain(value))


@given(properties)
def test_the_sdk_reads_what_the_provider_writes(value: dict) -> None:
    # The oracle is the SDK's own reader; it lifts secrets and unknowns to the top, so only known plain values compare.
    if has_unknown(value) or has_secret(value):
        return
    assert rpc.deserialize_properties(write_struct(value)) == value


def test_numbers_are_integers_where_they_are_whole() -> None:
    read = read_struct(write_struct({"a": 3.0, "b": 0.5}))
    assert read == {"a": 3, "b": 0.5} and isinstance(read["a"], int)


def test_nulls_are_absent() -> None:
    assert read_struct(write_struct({"a": None, "b": {"c": None}})) == {"b": {}}


def test_a_secrets_representation_does_not_show_it() -> None:
    assert "hunter2" not in repr({"a": Secret("hunter2")})


def test_an_asset_is_refused_with_its_path() -> None:
    asset = {rpc._special_sig_key: rpc._special_asset_sig, "text": "x"}
    with pytest.raises(PropertyError, match=r"data\.file.*asset"):
        read_struct(write_struct({"data": {"file": asset}}))


def test_an_output_value_is_its_content() -> None:
    wrapped = {rpc._special_sig_key: rpc._special_output_value_sig, "value": "x", "secret": True}
    unknown = {rpc._special_sig_key: rpc._special_output_value_sig}
    assert read_struct(write_struct({"a": wrapped, "b": unknown})) == {"a": Secret("x"), "b": UNKNOWN}


def test_definitions_extension_fields_change_their_spelling() -> None:
    program = {"x_kubernetes_preserve_unknown_fields": True, "items": [{"x_kubernetes_list_map_keys": ["a"]}]}
    api = {"x-kubernetes-preserve-unknown-fields": True, "items": [{"x-kubernetes-list-map-keys": ["a"]}]}
    assert to_api(program) == api and from_api(api) == program
