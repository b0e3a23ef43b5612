"""The protocol, with a package that is made up: what every cloud's plugin does without a line of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from rehearsal.emulators.rules import Flag, Text
from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.properties import UNKNOWN, Properties, Secret, read_struct, write_struct
from rehearsal.provider_plugins.framework.resource import AutomaticName, CloudError, Created, Input, Live, Resource
from tests.rehearsal.provider_plugins.driver import Plugin, RejectedError, Result, plugin_of

THING = "aws:index:Thing"
Cloud = dict[str, Properties]
"""What exists by its id; ``!`` is what the next reading fails with."""


class Thing(Resource[Cloud]):
    type = THING
    inputs: ClassVar[Mapping[str, Input]] = {
        "name": Input(Text(shortest=2), replaces=True),
        "label": Input(Text(r"[a-z]+")),
        "zone": Input(filled_in=True),
        "level": Input(default=3),
        "fixed": Input(Flag(), replaces=True),
    }
    computed = ("serial", "token")
    secrets = frozenset({"token"})
    changing = frozenset({"serial"})
    name = AutomaticName()

    def create(self, inputs: Properties) -> Created:
        if inputs["name"] in self.cloud:
            raise CloudError(f"EntityAlreadyExists: {inputs['name']} labelled {inputs.get('label')}")
        if inputs["name"] == "bug":
            raise KeyError("bug")
        self.cloud[inputs["name"]] = {"zone": "z1", **inputs, "serial": 1}
        return Created(inputs["name"], {"token": "t-o-k-e-n"})

    def read(self, identity: str, state: Properties) -> Live | None:
        if "!" in self.cloud:
            raise CloudError(str(self.cloud.pop("!")))
        live = self.cloud.get(identity)
        return live and Live(identity, {key: live.get(key) for key in self.inputs}, {"serial": live["serial"]})

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        self.cloud[identity] |= {**new, "serial": old["serial"] + 1}

    def delete(self, identity: str, state: Properties) -> None:
        self.cloud.pop(identity, None)


CLOUD: Cloud = {}


def connect(settings: Properties) -> Cloud:
    if settings.get("broken"):
        raise CloudError("no such account")
    CLOUD["settings"] = settings
    return CLOUD


PACKAGE: Package[Cloud] = Package(
    "aws",
    [Thing],
    {"aws:index:find": lambda cloud, arguments: {"found": sorted(cloud), "token": Secret("s"), **arguments}},
    {"region": Input(Text(r"[a-z]+"), replaces=True), "tags": Input(), "broken": Input(Flag())},
    connect,
)


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    CLOUD.clear()
    with plugin_of(PACKAGE, region="eu") as made:
        CLOUD.clear()
        yield made


def test_the_handshake_accepts_only_what_the_framework_reads(plugin: Plugin) -> None:
    answer = plugin.call("Handshake", provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert answer == provider_pb2.ProviderHandshakeResponse(accept_secrets=True)


def test_a_cancellation_and_an_attachment_are_acknowledged(plugin: Plugin) -> None:
    for method in ("Cancel", "Attach"):
        assert plugin.call(method, empty_pb2.Empty()) == empty_pb2.Empty()


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Construct", provider_pb2.ConstructRequest(type="aws:index:Component")),
        ("Call", provider_pb2.CallRequest(tok="aws:index:Thing/method")),
    ],
)
def test_what_no_emulator_has_is_unimplemented(plugin: Plugin, method: str, request_: Any) -> None:
    with pytest.raises(RejectedError) as rejected:
        plugin.call(method, request_)
    assert rejected.value.code == grpc.StatusCode.UNIMPLEMENTED


def test_settings_come_as_texts_and_json(plugin: Plugin) -> None:
    plugin.configure(region="us", tags='{"a": ["b"]}', broken="false", version="1.2.3", pluginDownloadURL="x")
    assert CLOUD["settings"] == {"region": "us", "tags": {"a": ["b"]}, "broken": False}


def test_settings_that_cannot_work_are_rejected(plugin: Plugin) -> None:
    with pytest.raises(RejectedError, match="aws:region: 'EU' does not match"):
        plugin.configure(region="EU")
    with pytest.raises(RejectedError, match="no such account"):
        plugin.configure(broken="true")
    settings = write_struct({"region": "EU", "colour": "blue"})
    answer = plugin.call("CheckConfig", provider_pb2.CheckRequest(news=settings))
    assert [failure.property for failure in answer.failures] == ["colour", "region"]
    assert answer.inputs == settings


def test_only_another_region_replaces_the_provider(plugin: Plugin) -> None:
    old = write_struct({"region": "eu", "tags": "{}", "version": "1.0.0"})
    new = write_struct({"region": "us", "tags": '{"a":"b"}', "version": "2.0.0"})
    answer = plugin.call("DiffConfig", provider_pb2.DiffRequest(old_inputs=old, olds=old, news=new))
    assert (list(answer.diffs), list(answer.replaces)) == (["region", "tags"], ["region"])


def test_a_resource_from_its_creation_to_its_deletion(plugin: Plugin) -> None:
    made = plugin.create(THING, {"name": "one", "label": Secret("red")})
    # An input that was secret stays so; what the cloud chose and the program did not give is no input of the state.
    assert made.state == {"name": "one", "label": Secret("red"), "level": 3, "serial": 1, "token": Secret("t-o-k-e-n")}
    assert plugin.read(THING, "one", made) == made
    previewed = plugin.update(THING, made, {"name": "one", "label": "blue"}, preview=True)
    assert (previewed.state["serial"], previewed.state["token"]) == (UNKNOWN, Secret("t-o-k-e-n"))
    updated = plugin.update(THING, made, {"name": "one", "label": "blue"})
    assert updated.state == {**made.state, "label": "blue", "serial": 2}
    plugin.delete(THING, updated)
    assert plugin.read(THING, "one", updated) == Result("", {}, {})


def test_a_refresh_finds_changes_and_keeps_secrets(plugin: Plugin) -> None:
    made = plugin.create(THING, {"name": "one", "label": Secret("red")})
    CLOUD["one"] |= {"label": "green", "zone": "z2"}
    assert plugin.read(THING, "one", made).inputs == {**made.inputs, "label": Secret("green")}


def test_an_import_has_what_a_program_would_give(plugin: Plugin) -> None:
    made = plugin.create(THING, {"name": "one", "label": "red"})
    found = plugin.read(THING, "one")
    assert found.inputs == {"name": "one", "label": "red", "zone": "z1", "level": 3}
    assert not plugin.diff(THING, found, made.inputs).diffs


def test_a_replacement_waits_only_under_an_equal_name(plugin: Plugin) -> None:
    made = plugin.create(THING, {"name": "one"})
    same = plugin.diff(THING, made, {**made.inputs, "fixed": True})
    assert (list(same.replaces), same.deleteBeforeReplace) == (["fixed"], True)
    assert {path: item.kind for path, item in same.detailedDiff.items()} == {
        "fixed": provider_pb2.PropertyDiff.ADD_REPLACE
    }
    other = plugin.diff(THING, made, {**made.inputs, "name": "two"})
    assert (list(other.replaces), other.deleteBeforeReplace) == (["name"], False)


def test_a_name_is_generated_once_for_each_resource(plugin: Plugin) -> None:
    first = plugin.checked(THING, {"label": "red"})
    assert first["name"].startswith("it-") and len(first["name"]) == len("it-") + 7
    assert plugin.checked(THING, {"label": "blue"}, first)["name"] == first["name"]
    request = provider_pb2.CheckRequest(type=THING, name="it", news=write_struct({}), randomSeed=b"another")
    assert read_struct(plugin.call("Check", request).inputs)["name"] != first["name"]


def test_keys_of_the_engine_are_no_inputs(plugin: Plugin) -> None:
    assert plugin.check(THING, {"name": "one", "__defaults": [], "__internal": {"a": "b"}})[1] == {}


def test_the_next_update_completes_an_unreadable_new_resource(plugin: Plugin) -> None:
    """As a plain error it was lost from the state, and the next update found its name in use."""
    CLOUD["!"] = {"Throttling": "slow down"}
    with pytest.raises(RejectedError, match="slow down") as rejected:
        plugin.create(THING, {"name": "one"})
    kept = rejected.value.kept
    assert kept is not None and (kept.id, list(kept.reasons)) == ("one", ["{'Throttling': 'slow down'}"])
    half = Result(kept.id, read_struct(kept.properties), {"name": "one", "level": 3})
    assert half.state == {"name": "one", "level": 3, "token": Secret("t-o-k-e-n")}
    whole = plugin.update(THING, half, {"name": "one"})
    # Nothing was updated, which some types cannot be.
    assert whole.state == {**half.state, "serial": 1}


def test_no_error_shows_a_secret(plugin: Plugin) -> None:
    plugin.create(THING, {"name": "one"})
    with pytest.raises(RejectedError) as rejected:
        plugin.create(THING, {"name": "one", "label": Secret("hunter")})
    assert rejected.value.message == "EntityAlreadyExists: one labelled [secret]"
    assert plugin.check(THING, {"label": Secret("HUNTER2")})[1] == {"label": "'[secret]' does not match [a-z]+"}


def test_a_bug_of_the_plugin_is_one_line(plugin: Plugin) -> None:
    with pytest.raises(RejectedError, match=r"^internal error in Create: KeyError: 'bug'$") as rejected:
        plugin.create(THING, {"name": "bug"})
    assert rejected.value.code == grpc.StatusCode.INTERNAL


def test_an_asset_is_rejected(plugin: Plugin) -> None:
    struct = Struct()
    struct.update({"label": {rpc._special_sig_key: rpc._special_asset_sig, "text": "x"}})
    with pytest.raises(RejectedError, match="asset"):
        plugin.call("Check", provider_pb2.CheckRequest(type=THING, news=struct))


def test_an_unknown_type_or_function_lists_the_known_ones(plugin: Plugin) -> None:
    with pytest.raises(RejectedError, match="aws does not have the type aws:s3:Bucket; it has aws:index:Thing"):
        plugin.check("aws:s3:Bucket", {})
    with pytest.raises(RejectedError, match="does not have the function aws:index:guess; it has aws:index:find"):
        plugin.invoke("aws:index:guess")


def test_a_function_may_give_secrets(plugin: Plugin) -> None:
    assert plugin.invoke("aws:index:find", a=1) == {"found": [], "token": Secret("s"), "a": 1}
