"""Faults happen as often as they were asked for, to whom they were meant for, and only the node may ask for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.faults import HOST, Faults
from rehearsal.emulators.hosts import Hosts
from tests.rehearsal.serving import serving

NODE = {"authorization": "Bearer the-node", "host": HOST}
CONTENT = b"x" * 200_000


async def store(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how much it was given, or gives much."""
    request = Request(scope, receive)
    if request.method == "GET":
        await Response(CONTENT)(scope, receive, send)
        return
    await Response(str(len(await request.body())))(scope, receive, send)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    faults = Faults("the-node")
    application = faults.around(Hosts({HOST: faults, "registry.example.com": store, "other.example.com": store}))
    with serving(application) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False) as made:
        made.delete("/", headers=NODE).raise_for_status()
        yield made


def cause(client: httpx.Client, **fault: object) -> None:
    client.post("/", headers=NODE, json=fault).raise_for_status()


def ask(
    client: httpx.Client, method: str = "GET", host: str = "registry.example.com", **options: object
) -> httpx.Response:
    headers = {"host": host, **options.pop("headers", {})}  # type: ignore[dict-item]
    return client.request(method, options.pop("path", "/v2/a"), headers=headers, **options)  # type: ignore[arg-type]


def test_who_is_not_the_node_can_cause_nothing(client: httpx.Client) -> None:
    refused = client.post("/", headers={"host": HOST}, json={"target": "*", "kind": "answer"})
    assert refused.status_code == 403
    assert ask(client).is_success


def test_a_misspelt_fault_is_rejected_at_once(client: httpx.Client) -> None:
    assert client.post("/", headers=NODE, json={"target": "*", "kind": "answer", "tims": 3}).status_code == 400


def test_a_fault_happens_as_often_as_asked_after_skips(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="answer", status=429, body="slow down", path="/v2/", skip=1, times=2)
    assert ask(client, host="other.example.com").is_success
    assert [ask(client).status_code for _ in range(4)] == [200, 429, 429, 200]
    assert client.get("/", headers=NODE).json()["faults"][0]["happened"] == 2


def test_a_body_that_was_looked_into_arrives_whole(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="answer", holding="Action=Create")
    assert ask(client, "POST", content=b"Action=Delete").text == "13"
    assert ask(client, "POST", content=b"Action=Create").status_code == 503


def test_an_upload_is_cut_in_its_middle(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="cut-upload", size=1000)
    with pytest.raises(httpx.TransportError):
        ask(client, "PATCH", content=CONTENT)
    assert ask(client, "PATCH", content=CONTENT).text == str(len(CONTENT))


def test_a_download_is_cut_in_its_middle(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="cut-download", size=1000)
    with pytest.raises(httpx.TransportError):
        ask(client)
    assert ask(client).content == CONTENT


def test_an_expired_login_stays_expired_and_another_works(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="expire", status=401, path="/v2/b")
    old, new = {"authorization": "Basic b2xk"}, {"authorization": "Basic bmV3"}
    assert ask(client, headers=old).is_success
    assert ask(client, headers=old, path="/v2/b").status_code == 401
    assert ask(client, headers=old).status_code == 401
    assert ask(client, headers=new, path="/v2/b").is_success


def test_an_answer_that_is_late_is_the_same_answer(client: httpx.Client) -> None:
    cause(client, target="registry.*", kind="slow", seconds=0.2)
    with contextlib.suppress(httpx.ReadTimeout):
        ask(client, timeout=0.05)
        pytest.fail("it was not late")
    assert ask(client).content == CONTENT
