"""An existing pull secret is judged as its two clients judge it.

Oracles: for pushes krane itself (``krane auth get``) over generated configurations; for pulls the tables of the kubelet's own
tests.
"""

from __future__ import annotations

import base64
import http.server
import itertools
import json
import os
import random
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from mendix_registry.docker_config import docker_config, key_of
from mendix_registry.docker_json import UnreadableError, parsed
from mendix_registry.docker_keychain import Credentials, looked_up, possible
from mendix_registry.existing_secret import TYPE, fault, remedy
from mendix_registry.kubelet_keyring import matching
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import CLIENT
from tests.go_modules import go_function

HOSTS = (
    "registry.example.com",
    "registry.example.com:5000",
    "index.docker.io",
    "docker.io",
    "registry-1.docker.io",
    "10.0.0.1:80",
    "[2001:db8::1]:5000",
)
CONFIGURATIONS = 800
SECRET = "canary-of-a-password"


def auth(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Generator:
    """Configurations as people, tools and mistakes make them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311

    def _key(self, host: str) -> str:
        choose = self._random.choice
        host = choose(
            [host] * 6 + [host.upper(), host.partition(":")[0], f"{host}:443", choose(HOSTS), "other.example.com"]
        )
        scheme = choose(["", "", "", "https://", "https://", "http://", "HTTPS://", "oci://", "//", "1a://", "https:"])
        user = choose([""] * 9 + ["me@", "me:pw@"])
        path = choose(
            [
                "",
                "",
                "",
                "/",
                "/v1/",
                "/v2/",
                "/v1",
                "/v2",
                "/apps",
                "/apps/orders",
                "/a%20b",
                "/%zz",
                "?a=b",
                "#f",
                " ",
            ]
        )
        return f"{scheme}{user}{host}{path}"

    def _entry(self) -> Any:
        choose = self._random.choice
        good: list[Any] = [{"auth": auth(f"user{self._random.randrange(3)}:{SECRET}")} for _ in range(8)]
        odd: list[Any] = [
            {"username": "me", "password": SECRET, "auth": auth(f"me:{SECRET}"), "email": "me@example.com"},
            {"username": "me", "password": SECRET},
            {"Username": "me", "PASSWORD": SECRET},
            {"identitytoken": "token"},
            {"registrytoken": "token"},
            {"auth": auth("me:"), "identitytoken": "token"},
            {"auth": auth(f"me:{SECRET}:with:colons\x00\x00")},
            {},
            None,
            {"email": "me@example.com"},
            {"username": "me"},
            {"auth": None, "username": "me", "password": SECRET},
        ]
        broken: list[Any] = [
            {"auth": "bm90IGEgdXNlcg=="},
            {"auth": auth(f":{SECRET}")},
            {"auth": auth("me:pw").rstrip("=")},
            {"auth": "***"},
            {"auth": 5},
            "text",
            [],
            {"username": ["me"]},
        ]
        return choose(choose([good] * 12 + [odd] * 6 + [broken]))

    def make(self, host: str) -> Any:
        choose = self._random.choice
        auths = {self._key(host): self._entry() for _ in range(choose([0, 1, 1, 1, 2, 2, 3]))}
        if host in ("docker.io", "index.docker.io") and self._random.random() < 0.4:
            auths["https://index.docker.io/v1/"] = self._entry()
        config: dict[str, Any] = {choose(["auths"] * 9 + ["Auths", "other"]): auths}
        extra: dict[str, Any] = choose(
            [{}] * 12
            + [
                {"credsStore": "absent"},
                {"credsStore": ""},
                {"credsStore": None},
                {"credsStore": 5},
                {"credHelpers": {host: "absent"}},
                {"credHelpers": {host: ""}, "credsStore": "absent"},
                {"credHelpers": {"other.example.com": "absent"}},
                {"credHelpers": []},
                {"HttpHeaders": {"User-Agent": "x"}},
                {"HttpHeaders": {"User-Agent": 5}},
            ]
        )
        return config | extra


def answers(config: Any, host: str) -> set[tuple[str, str] | str | None]:
    """What the rules say that krane may answer: user and secret, None for no credentials, or ``error``."""
    try:
        # The command asks for a host only, a push for the repository before.
        found = looked_up(parsed(json.dumps(config).encode()), [key_of(host)])
    except UnreadableError:
        return {"error"}
    if not found:
        return {None}
    return {
        None
        if value == Credentials()
        else ("<token>", value.identity_token)
        if value.identity_token
        else (value.username, value.password)
        for value in found.values()
    }


def asked(krane: Path, directory: Path, config: Any, host: str) -> tuple[str, str] | str | None:
    """What krane answers."""
    (directory / "config.json").write_text(json.dumps(config))
    environment = {"HOME": str(directory / "none"), "DOCKER_CONFIG": str(directory), "PATH": "/nonexistent"}
    done = subprocess.run([krane, "auth", "get", host], env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        found = json.loads(done.stdout)
        return found.get("Username", ""), found.get("Secret", "")
    return None if "credentials not found" in done.stdout else "error"


@pytest.fixture(scope="module")
def krane() -> Path:
    cache = Path(os.environ.get("REHEARSAL_CACHE") or platformdirs.user_cache_path("mendix-registry"))
    return ensure_program(CLIENT, cache, lambda _: None)


@pytest.mark.slow
def test_krane_takes_the_credentials_that_the_rules_foretell(krane: Path, tmp_path: Path) -> None:
    generator = Generator(12)
    outcomes: dict[str, int] = {}
    for number in range(CONFIGURATIONS):
        host = HOSTS[number % len(HOSTS)]
        config = generator.make(host)
        foretold, answer = answers(config, host), asked(krane, tmp_path, config, host)
        assert answer in foretold, (host, config, foretold)
        kind = "chance" if len(foretold) > 1 else answer if isinstance(answer, str) else str(answer and "found")
        outcomes[kind] = outcomes.get(kind, 0) + 1
    assert min(outcomes.get(kind, 0) for kind in ("found", "None", "error", "chance")) > 6, outcomes


class Challenging(http.server.BaseHTTPRequestHandler):
    """A registry that wants a login and keeps the one that it gets."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        if not given:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        else:
            self.server.logins.append(base64.b64decode(given.removeprefix("Basic ")).decode())  # type: ignore[attr-defined]
            self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[http.server.HTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Challenging)
    server.logins = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_krane_sends_the_login_that_the_rules_predict(
    krane: Path, registry: http.server.HTTPServer, tmp_path: Path
) -> None:
    host = f"127.0.0.1:{registry.server_port}"
    keys = [
        f"{host}/apps/orders",
        host,
        f"http://{host}/v2/",
        f"{host}/apps",
        f"https://{host}/apps/orders",
        "other.example.com",
    ]
    logins: list[str] = registry.logins  # type: ignore[attr-defined]
    environment = {"HOME": str(tmp_path / "none"), "DOCKER_CONFIG": str(tmp_path), "PATH": "/nonexistent"}
    for chosen in (chosen for size in (1, 2, 3) for chosen in itertools.combinations(keys, size)):
        config = {"auths": {key: {"auth": auth(f"user{keys.index(key)}:{SECRET}")} for key in chosen}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        logins.clear()
        command = [krane, "manifest", "--insecure", f"{host}/apps/orders:tag"]
        subprocess.run(command, env=environment, capture_output=True, timeout=60)
        foretold = {f"{taken.username}:{taken.password}" for taken in possible(config, host, "apps/orders").values()}
        assert set(logins) <= foretold and bool(logins) is bool(foretold), (config, logins)


def secret(config: Any) -> dict[str, str]:
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return {".dockerconfigjson": base64.b64encode(text).decode()}


def judged(config: Any, push: str = "registry.example.com", pull: str = "") -> str | None:
    found = fault(TYPE, secret(config), (push, "apps/orders"), (pull or push, "apps/orders"))
    assert SECRET not in str(found)
    return found


GOOD = {"auth": auth(f"builder:{SECRET}")}
OTHER = {"auth": auth(f"reader:{SECRET}")}
HUB = "index.docker.io"


@pytest.mark.parametrize(
    ("config", "push"),
    [
        ({"auths": {"registry.example.com": GOOD}}, "registry.example.com"),
        ({"auths": {"https://registry.example.com/v2/": GOOD}}, "registry.example.com"),
        (
            {"auths": {"https://registry.example.com": GOOD, "http://registry.example.com": GOOD}},
            "registry.example.com",
        ),
        ({"auths": {"registry.example.com/apps": GOOD}}, "registry.example.com"),
        ({"auths": {"registry.example.com": GOOD, "registry.example.com/other": OTHER}}, "registry.example.com"),
        ({"auths": {"https://index.docker.io/v1/": GOOD}}, HUB),
        ({"auths": {"https://index.docker.io/v1/": GOOD}}, "docker.io"),
        (json.loads(docker_config([HUB], "builder", SECRET)), HUB),
        (json.loads(docker_config(["registry.example.com:5000"], "builder", SECRET)), "registry.example.com:5000"),
    ],
)
def test_a_secret_that_both_clients_can_use_is_accepted(config: Any, push: str) -> None:
    assert judged(config, push) is None


@pytest.mark.parametrize(
    ("config", "push", "says"),
    [
        (
            {"auths": {"index.docker.io": GOOD}},
            HUB,
            "only under 'https://index.docker.io/v1/', not under its entry 'index.docker.io'",
        ),
        ({"auths": {"https://index.docker.io/v1": GOOD}}, HUB, "not under its entry 'https://index.docker.io/v1'"),
        ({"auths": {"docker.io": GOOD}}, HUB, "not under its entry 'docker.io'"),
        ({"auths": {"https://registry-1.docker.io/v2/": GOOD}}, HUB, "not under its entry"),
        (
            {"auths": {"registry.example.com/apps": GOOD, "registry.example.com/other": OTHER}},
            "registry.example.com",
            "takes one of them by chance",
        ),
        ({"auths": {"registry.example.com/other": GOOD}}, "registry.example.com", "for another path than"),
        (
            {"auths": {"registry.example.com": GOOD}, "credsStore": "desktop"},
            "registry.example.com",
            "credential helper 'desktop'",
        ),
        (
            {"auths": {"registry.example.com": GOOD}, "credHelpers": {"registry.example.com": "ecr-login"}},
            "registry.example.com",
            "credential helper 'ecr-login'",
        ),
        (
            {"auths": {"registry.example.com": GOOD, "x": {"auth": "***"}}},
            "registry.example.com",
            "the entry 'x' is not base64",
        ),
        (
            {"auths": {"Registry.example.com": GOOD}},
            "registry.example.com",
            "compares host and port as they are written",
        ),
        ({"auths": {"registry.example.com:443": GOOD}}, "registry.example.com", "compares host and port"),
        ({"auths": {"registry.example.com": {"username": "me"}}}, "registry.example.com", "has no password in it"),
        ({"auths": {"registry.example.com": {}}}, "registry.example.com", "has no credentials in it"),
        (
            {"auths": {"registry.example.com": {"identitytoken": "t"}}},
            "registry.example.com",
            "nodes cannot use a token",
        ),
        (
            {"auths": {"registry.example.com": {"auth": auth(f"me:{SECRET}\n")}}},
            "registry.example.com",
            "a line break in it",
        ),
        (
            {"auths": {"https://me:pw@other.example.com": GOOD}},
            "registry.example.com",
            "only for: 'https://…@other.example.com'",
        ),
        ({"auths": {}}, "registry.example.com", "no entry under 'auths'"),
        ([], "registry.example.com", "is not an object"),
        (b"\xff", "registry.example.com", "is not JSON"),
        (b'{"auths": NaN}', "registry.example.com", "is not JSON"),
    ],
)
def test_a_secret_that_clients_cannot_use_is_rejected(config: Any, push: str, says: str) -> None:
    assert says in str(judged(config, push))


def test_push_and_pull_have_different_rules() -> None:
    both = {"auths": {"push.example.com": GOOD, "https://*.example.com": OTHER}}
    assert judged(both, "push.example.com", "pull.example.com") is None
    assert "nodes find no entry" in str(
        judged({"auths": {"push.example.com": GOOD}}, "push.example.com", "pull.example.com")
    )
    token = {"auths": {"push.example.com": {"registrytoken": "t"}, "pull.example.com": GOOD}}
    assert judged(token, "push.example.com", "pull.example.com") is None


@pytest.mark.parametrize(
    ("secret_type", "says"),
    [("kubernetes.io/dockercfg", "nodes still read and the push client does not"), ("Opaque", "builds and nodes need")],
)
def test_another_type_is_rejected_for_what_it_is(secret_type: str, says: str) -> None:
    place = ("registry.example.com", "apps")
    assert says in str(fault(secret_type, secret({"auths": {"registry.example.com": GOOD}}), place, place))


def test_the_remedy_makes_a_secret_that_is_accepted() -> None:
    for host in HOSTS:
        server = re.search(r"--docker-server=(\S+)", remedy("login", "orders", [host]))
        assert server and judged({"auths": {server[1]: GOOD}}, host) is None, host
    two = remedy("login", "orders", [HUB, "registry.example.com"])
    file = re.search(r"<file> has (\{.*\})$", two)
    assert file
    config = json.loads(file[1].replace("<base64 of user:password>", GOOD["auth"]))
    assert judged(config, HUB, "registry.example.com") is None


def pairs(function: str) -> list[tuple[str, str]]:
    body = go_function("k8s.io/kubernetes", "pkg/credentialprovider/keyring_test.go", function)
    return re.findall(r'globURL:\s+"([^"]*)",\s+(?:target|lookup)URL:\s+"([^"]*)"', body)


@pytest.mark.parametrize(("function", "hit"), [("TestDockerKeyringForGlob", True), ("TestKeyringMiss", False)])
def test_nodes_find_logins_as_in_the_kubelets_tests(function: str, hit: bool) -> None:
    found = pairs(function)
    assert len(found) > 5
    for key, image in found:
        host, _, repository = image.partition("/")
        assert bool(matching({"auths": {key: GOOD}}, host, repository)) is hit, (key, image)


@pytest.mark.parametrize(
    ("key", "image", "hit"),
    [
        # TestKeyringHitWithQualifiedDockerHub, TestKeyringMissWithDockerHubCredentials, TestIssue3797
        ("https://index.docker.io/v1/", "docker.io/foo/bar", True),
        ("https://index.docker.io/v1/", "index.docker.io/foo/bar", True),
        ("https://index.docker.io/v1/", "world.mesos.org/foo/bar", False),
        ("https://quay.io/v1/", "quay.io/foo/bar", True),
        ("https://quay.io/v2/", "quay.io/foo/bar", True),
        ("https://quay.io/", "quay.io/foo/bar", True),
        ("quay.io/fo", "quay.io/foo/bar", True),
        ("quay.io:443", "quay.io/foo/bar", False),
    ],
)
def test_nodes_find_docker_hub_and_versions_in_paths(key: str, image: str, hit: bool) -> None:
    host, _, repository = image.partition("/")
    assert bool(matching({"auths": {key: GOOD}}, host, repository)) is hit
