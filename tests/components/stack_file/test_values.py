"""Values from the stack file, the environment and files: one rule for all three, and no password that cannot be sent.

What can be sent: RFC 7617, section 2 (no control characters in either, no colon in the user; the first colon ends the user).
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mendix_registry.docker_config import docker_config
from mendix_registry.kinds.generic.settings import BasicAuthentication
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import ConfigurationError, parse

PLACES = ["text", "environment", "file"]


def given(place: str, text: str, directory: Path) -> tuple[Any, Surroundings]:
    """``text`` as the stack file gives it from ``place``."""
    name = "VALUE"
    (directory / "value").write_bytes(text.encode())
    value = {"text": text, "environment": {"environment": name}, "file": {"file": "value"}}[place]
    return value, Surroundings({name: text}, directory)


def read(username: Any, password: Any, surroundings: Surroundings) -> BasicAuthentication:
    authentication = {"username": username, "password": password}
    registry = {"type": "generic", "pushHost": "h.example.com", "repository": "apps", "authentication": authentication}
    values = {"mendix-registry:registry": json.dumps(registry), "mendix-registry:namespaces": '[{"name": "orders"}]'}
    found = parse(values, ["mendix-registry:registry"], surroundings).settings.registry.authentication  # type: ignore[union-attr]
    assert isinstance(found, BasicAuthentication)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_final_line_break_is_dropped_from_a_value(place: str, end: str, tmp_path: Path) -> None:
    value, surroundings = given(place, f"p\u00e4ss: word {end}", tmp_path)
    found = read("builder", value, surroundings)
    assert found.password.value == "p\u00e4ss: word "
    entry = json.loads(docker_config(["h.example.com"], found.username, found.password.value))["auths"]["h.example.com"]
    user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    assert (user, password) == ("builder", "p\u00e4ss: word ")
    value, surroundings = given(place, f"builder{end}", tmp_path)
    assert read(value, "x", surroundings).username == "builder"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("secret-value\n\n", "a line break"),
        ("secret\n-value", "a line break"),
        ("secret\r-value", "a carriage return"),
        ("secret\t-value", "a tab"),
        ("secret-value\x7f", "the control character U+007F"),
        ("\x1bsecret-value", "the control character U+001B"),
    ],
)
def test_a_password_with_a_control_character_is_rejected(place: str, text: str, says: str, tmp_path: Path) -> None:
    value, surroundings = given(place, text, tmp_path)
    with pytest.raises(ConfigurationError) as error:
        read("builder", value, surroundings)
    [problem] = error.value.problems
    assert problem.path.endswith("registry.authentication.password") and says in problem.what
    assert "-value" not in str(problem)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("text", "says"), [("me:secret", "a colon"), ("m\ne", "a line break")])
def test_a_user_that_basic_authentication_cannot_carry_is_rejected(
    place: str, text: str, says: str, tmp_path: Path
) -> None:
    value, surroundings = given(place, text, tmp_path)
    with pytest.raises(ConfigurationError) as error:
        read(value, "x", surroundings)
    [problem] = error.value.problems
    assert problem.path.endswith("registry.authentication.username") and says in problem.what
    assert "secret" not in str(problem)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["\n", "\r\n"])
def test_a_value_of_only_a_line_break_is_rejected(place: str, text: str, tmp_path: Path) -> None:
    value, surroundings = given(place, text, tmp_path)
    with pytest.raises(ConfigurationError, match="only a line break"):
        read("builder", value, surroundings)


def test_the_mark_that_windows_puts_into_files_is_dropped(tmp_path: Path) -> None:
    value, surroundings = given("file", "\ufeffsecret\r\n", tmp_path)
    assert read("builder", value, surroundings).password.value == "secret"


def test_a_non_utf8_variable_is_rejected_without_its_value() -> None:
    value = os.fsdecode(b"secret-\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text") as error:
        read("builder", {"environment": "VALUE"}, Surroundings({"VALUE": value}))
    assert "secret-" not in str(error.value)
