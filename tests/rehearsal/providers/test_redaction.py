"""No secret comes out again, in whatever form a text quotes it."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.providers.kubernetes.properties import Secret
from rehearsal.providers.kubernetes.redaction import MASK, Redactor

secrets = st.text(min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= 4)


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_vanishes_from_any_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.learn({"spec": {"deep": [Secret(secret)]}})
    encoded = base64.b64encode(secret.encode()).decode()
    for form in (secret.strip(), encoded, json.dumps(secret)[1:-1]):
        assert form not in redactor.redact(f"{before}|{form}|{after}").replace(MASK, "")


@given(secrets)
def test_data_of_a_secret_object_is_secret_without_being_marked(secret: str) -> None:
    redactor = Redactor()
    redactor.learn({"kind": "Secret", "data": {"k": base64.b64encode(secret.encode()).decode()}})
    assert redactor.redact(f"<{secret.strip()}>") == f"<{MASK}>"


def test_credentials_inside_a_docker_configuration() -> None:
    auth = base64.b64encode(b"builder:hunter2-of-the-registry").decode()
    document = {"auths": {"registry.example": {"username": "builder", "password": "s3cr3t-pass", "auth": auth}}}
    redactor = Redactor()
    redactor.learn({"kind": "Secret", "stringData": {".dockerconfigjson": json.dumps(document)}})
    text = redactor.redact(f"builder at registry.example used s3cr3t-pass, {auth} and hunter2-of-the-registry")
    assert text == f"builder at registry.example used {MASK}, {MASK} and {MASK}"


def test_lines_of_a_long_secret_vanish_one_by_one() -> None:
    redactor = Redactor()
    redactor.learn({"key": Secret("first-line-of-key\nsecond-line-of-key\n")})
    assert redactor.redact("log: second-line-of-key") == f"log: {MASK}"


def test_the_longer_of_two_secrets_vanishes_whole() -> None:
    redactor = Redactor()
    redactor.learn({"a": Secret("abcd"), "b": Secret("abcdefgh")})
    assert redactor.redact("abcdefgh") == MASK


def test_words_too_short_to_be_secrets_stay() -> None:
    redactor = Redactor()
    redactor.learn({"a": Secret("80"), "b": Secret(True)})
    assert redactor.redact("port 80 is True") == "port 80 is True"
