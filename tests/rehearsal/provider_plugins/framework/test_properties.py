"""Property values survive the protocol, with secrets and unknowns in their places, and no secret comes out in a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from rehearsal.provider_plugins.framework.properties import (
    UNKNOWN,
    Secret,
    has_secret,
    has_unknown,
    masked,
    plain,
    read_struct,
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
secrets = st.text(min_size=4, max_size=40)


@given(properties)
def test_values_come_back_as_they_went(value: dict[str, Any]) -> None:
    assert read_struct(write_struct(value)) == value


@given(properties)
def test_the_sdk_reads_what_a_plugin_writes(value: dict[str, Any]) -> None:
    # The oracle is the SDK's own reader; it lifts secrets and unknowns to the top, so only known plain values compare.
    if not has_unknown(value) and not has_secret(value):
        assert rpc.deserialize_properties(write_struct(value)) == value


@given(properties)
def test_no_secret_is_left_in_plain_values(value: dict[str, Any]) -> None:
    assert not has_secret(plain(value))
    assert has_unknown(plain(value)) == has_unknown(value)


def test_unknowns_and_secrets_are_marked_as_the_sdk_does() -> None:
    struct = write_struct({"a": UNKNOWN, "b": Secret("x")})
    assert struct["a"] == rpc.UNKNOWN
    assert dict(struct["b"]) == {rpc._special_sig_key: rpc._special_secret_sig, "value": "x"}


def test_numbers_are_integers_where_they_are_whole() -> None:
    read = read_struct(write_struct({"a": 3.0, "b": 0.5}))
    assert read == {"a": 3, "b": 0.5} and isinstance(read["a"], int)


def test_null_properties_are_treated_as_absent() -> None:
    assert read_struct(write_struct({"a": None, "b": {"c": None}})) == {"b": {}}


def test_an_asset_is_rejected() -> None:
    struct = Struct()
    struct.update({"data": {"file": {rpc._special_sig_key: rpc._special_asset_sig, "text": "x"}}})
    with pytest.raises(ValueError, match="asset"):
        read_struct(struct)


def test_a_secrets_representation_does_not_show_it() -> None:
    assert "hunter2" not in repr({"a": Secret("hunter2")})


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_vanishes_from_any_text(secret: str, before: str, after: str) -> None:
    for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        text = masked(f"{before}|{form}|{after}", {"deep": [{"a": Secret({"b": secret})}]})
        assert form not in text.replace("[secret]", "")


def test_the_longer_of_two_secrets_vanishes_whole() -> None:
    assert masked("abcdefgh", {"a": Secret("abcd"), "b": Secret("abcdefgh")}) == "[secret]"


def test_words_too_short_to_be_secrets_stay() -> None:
    assert masked("port 80 is open", {"a": Secret("80"), "b": Secret(True)}) == "port 80 is open"
