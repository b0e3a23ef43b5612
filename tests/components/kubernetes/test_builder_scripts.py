"""The builder Job's scripts against a real registry, with the client and the shell of its image."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import json
import shutil
import signal
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mendix_registry.kubernetes.proof_image import ProofImage, proof_image
from tests.components.kubernetes.conftest import own_authority

pytestmark = pytest.mark.slow

PASSWORD = "canary-of-a-projected-token"

Run = Callable[..., Any]


def layout(image: ProofImage, directory: Path) -> str:
    for path, content in image.files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return str(directory)


@pytest.fixture
def proof(tmp_path: Path) -> tuple[ProofImage, str]:
    image = proof_image("amd64", {"test": tmp_path.name})
    return image, layout(image, tmp_path / "image")


def test_a_service_account_token_logs_in_and_stays_hidden(
    run_script: Run, krane: Run, registry: Any, proof: tuple[ProofImage, str]
) -> None:
    image, directory = proof
    pod = run_script("verify.sh", IMAGE=directory, TAG=image.tag("t"), DIGEST=image.digest)
    assert pod.code == 0, pod.log
    assert json.loads(pod.message)["digest"] == image.digest
    assert krane("digest", f"{registry.host}/apps/orders:{image.tag('t')}") == image.digest
    assert PASSWORD not in pod.log + pod.message
    config = pod.login / "config.json"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert not any(PASSWORD in path.read_text(errors="replace") for path in pod.work.rglob("*") if path.is_file())


def test_a_rejected_token_is_retried_and_then_reported(run_script: Run, proof: tuple[ProofImage, str]) -> None:
    image, directory = proof
    pod = run_script("verify.sh", IMAGE=directory, TAG="t", DIGEST=image.digest, LOGIN_USER="someone", ATTEMPTS="2")
    assert pod.code == 1 and pod.log.count("attempt ") == 2, pod.log
    assert "401 Unauthorized" in pod.message and "hint: the registry rejects the ServiceAccount's token" in pod.message


def test_a_pull_secret_for_another_host_prevents_anonymous_attempts(
    run_script: Run, tmp_path: Path, proof: tuple[ProofImage, str]
) -> None:
    image, directory = proof
    (tmp_path / "config.json").write_text('{"auths":{"other.example.com":{"auth":"YTpi"}}}')
    pod = run_script(
        "verify.sh",
        IMAGE=directory,
        TAG="t",
        DIGEST=image.digest,
        CREDENTIALS="secret",
        DOCKER_CONFIG=str(tmp_path),
    )
    assert pod.code == 1, pod.log
    assert "no credentials for 127.0.0.1" in pod.message


def _as(login: str, directory: Path, host: str) -> dict[str, str]:
    """The environment of a container with a Secret's login for ``host``."""
    auth = base64.b64encode(login.encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"CREDENTIALS": "secret", "DOCKER_CONFIG": str(directory)}


@pytest.mark.parametrize("secret", ["", "registry-login"])
def test_a_rejected_login_names_the_secret_to_create_again(
    secret: str, run_script: Run, registry: Any, tmp_path: Path, proof: tuple[ProofImage, str]
) -> None:
    """Of docker-secret: its stack file has no key for a password, which the hint sent its readers to."""
    image, directory = proof
    more = _as("someone:not-the-password", tmp_path, registry.host) | ({"LOGIN_SECRET": secret} if secret else {})
    pod = run_script("verify.sh", IMAGE=directory, TAG="t", DIGEST=image.digest, **more)
    assert pod.code == 1 and "401 Unauthorized" in pod.message, pod.log
    assert ("registry.authentication" in pod.message) == (not secret)
    made = f"kubectl create secret docker-registry {secret} --docker-server={registry.host} --docker-username=USER"
    assert (made in pod.message) == bool(secret)
    assert "not-the-password" not in pod.log + pod.message


class _Limited(http.server.BaseHTTPRequestHandler):
    """Answers as Docker Hub does whoever has asked too often (docs.docker.com/docker-hub/usage/pulls)."""

    def do_GET(self) -> None:
        body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
        self.send_response(200 if self.path == "/v2/" else 429)
        self.end_headers()
        self.wfile.write(b"{}" if self.path == "/v2/" else body)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - names of the standard library

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_rate_limited_push_reports_the_registrys_limit(
    run_script: Run, tmp_path: Path, proof: tuple[ProofImage, str]
) -> None:
    image, directory = proof
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Limited) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host = f"127.0.0.1:{server.server_port}"
        login = _as("a:b", tmp_path, host)
        pod = run_script(
            "verify.sh", IMAGE=directory, TAG="t", DIGEST=image.digest, PUSH_HOST=host, INSECURE="true", **login
        )
        server.shutdown()
        thread.join()
    assert pod.code == 1 and "429" in pod.message, pod.log
    assert "hint: the registry limits the number of requests" in pod.message


def test_an_unknown_authority_never_disables_verification(
    run_script: Run, tmp_path: Path, proof: tuple[ProofImage, str]
) -> None:
    image, directory = proof
    (tmp_path / "empty.pem").write_text("")
    pod = run_script(
        "verify.sh",
        IMAGE=directory,
        TAG="t",
        DIGEST=image.digest,
        SSL_CERT_FILE=str(tmp_path / "empty.pem"),
        SSL_CERT_DIR=str(tmp_path / "none"),
    )
    assert pod.code == 1, pod.log
    assert "registry.transport.caCertificate" in pod.message


@pytest.fixture
def base(run_script: Run, registry: Any, proof: tuple[ProofImage, str]) -> str:
    """A base image by digest, in the registry."""
    image, directory = proof
    assert run_script("verify.sh", IMAGE=directory, TAG="base", DIGEST=image.digest, REPOSITORY="apps/base").code == 0
    return f"{registry.host}/apps/base@{image.digest}"


@pytest.fixture
def mda(tmp_path: Path) -> Path:
    path = tmp_path / "app.mda"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/metadata.json", "{}")
        archive.writestr("web/index.html", "<html></html>")
    return path


def build(base: str, mda: Path, **changes: str) -> dict[str, str]:
    return {
        "BASE_IMAGE": base,
        "PLATFORM": "linux/amd64",
        "MDA_FILE": str(mda),
        "MDA_SHA256": hashlib.sha256(mda.read_bytes()).hexdigest(),
        "DIRECTORY": "/opt/mendix/app",
        "UNPACK": "true",
        "TAG": f"app-{base[-12:]}",
        "LABELS": "org.example.team=blue\norg.example.title=Orders 1",
        **changes,
    }


def test_app_files_are_readable_for_the_containers_user(
    run_script: Run, krane: Run, registry: Any, image: Any, base: str, mda: Path, tmp_path: Path
) -> None:
    environment = build(base, mda)
    pod = run_script("build.sh", **environment)
    assert pod.code == 0, pod.log
    reference = json.loads(pod.message)["reference"]
    config = json.loads(krane("config", reference))
    assert config["config"]["Labels"]["org.example.title"] == "Orders 1"
    krane("export", reference, str(tmp_path / "root.tar"))
    with tarfile.open(tmp_path / "root.tar") as archive:
        members = {member.name.strip("/"): member for member in archive.getmembers()}
    assert "proof" in members, "the base image's files are gone"
    page, directory = members["opt/mendix/app/web/index.html"], members["opt/mendix/app/web"]
    assert page.mode & 0o044 == 0o044 and directory.mode & 0o055 == 0o055
    assert "opt" not in members, "the layer would change the rights of directories that are not the app's"


def test_a_second_build_of_equal_content_pushes_nothing(
    run_script: Run, krane: Run, registry: Any, base: str, mda: Path
) -> None:
    environment = build(base, mda)
    assert run_script("build.sh", **environment).code == 0
    before = krane("digest", f"{registry.host}/apps/orders:{environment['TAG']}")
    again = run_script("build.sh", **environment)
    assert again.code == 0 and "exists already" in again.log
    assert json.loads(again.message)["digest"] == before


def test_a_file_with_another_digest_is_not_built(run_script: Run, base: str, mda: Path) -> None:
    pod = run_script("build.sh", **build(base, mda, MDA_SHA256="0" * 64, TAG="wrong-file"))
    assert pod.code == 1 and "builder.build.mda.sha256" in pod.message, pod.log


def test_a_missing_base_image_is_reported_as_such(run_script: Run, registry: Any, mda: Path) -> None:
    missing = f"{registry.host}/apps/none@sha256:{'1' * 64}"
    pod = run_script("build.sh", **build(missing, mda, TAG="no-base"))
    assert pod.code == 1, pod.log
    assert "Reading the base image" in pod.message and "MANIFEST_UNKNOWN" in pod.message


@pytest.fixture
def file_server(mda: Path) -> Iterator[str]:
    """Serves the app's directory on loopback by plain http, as file servers inside of clusters do."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(mda.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_downloaded_apps_url_is_not_in_the_log(
    run_script: Run, base: str, mda: Path, file_server: str, tmp_path: Path
) -> None:
    address = tmp_path / "url"
    address.write_text(f"{file_server}/{mda.name}?token=canary-of-a-url")
    environment = build(base, mda, TAG=f"downloaded-{base[-12:]}", MDA_FILE="", MDA_URL_FILE=str(address))
    pod = run_script("build.sh", **environment)
    assert pod.code == 0, pod.log
    assert "canary-of-a-url" not in pod.log + pod.message


def test_a_missing_download_is_reported_without_another_attempt(
    run_script: Run, base: str, mda: Path, file_server: str, tmp_path: Path
) -> None:
    address = tmp_path / "url"
    address.write_text(f"{file_server}/none.mda?token=canary-of-a-url")
    environment = build(base, mda, TAG="no-file", MDA_FILE="", MDA_URL_FILE=str(address), ATTEMPTS="5")
    pod = run_script("build.sh", **environment)
    assert pod.code == 1 and pod.log.count("attempt ") == 1, pod.log
    assert "404" in pod.message and "correct builder.build.mda.url" in pod.message
    assert "canary-of-a-url" not in pod.log + pod.message


def test_a_file_that_is_no_zip_is_reported(run_script: Run, base: str, tmp_path: Path) -> None:
    file = tmp_path / "text.mda"
    file.write_text("no archive")
    pod = run_script("build.sh", **build(base, file, TAG="no-zip"))
    assert pod.code == 1 and "builder.build.unpack: false" in pod.message, pod.log
    kept = run_script("build.sh", **build(base, file, TAG=f"kept-{base[-12:]}", UNPACK="false"))
    assert kept.code == 0, kept.log


@pytest.fixture
def index(run_script: Run, krane: Run, registry: Any, base: str) -> str:
    """An index of three platforms, by tag."""
    repository = f"{registry.host}/apps/many"
    for platform in ("arm64", "s390x"):
        krane("mutate", base, "--set-platform", f"linux/{platform}", "--tag", f"{repository}:{platform}")
    krane(
        "index",
        "append",
        "-m",
        base,
        "-m",
        f"{repository}:arm64",
        "-m",
        f"{repository}:s390x",
        "-t",
        f"{repository}:all",
    )
    return f"{repository}:all"


def mirrored(run_script: Run, tmp_path: Path, *lines: str, **environment: str) -> Any:
    (tmp_path / "list").write_text("".join(f"{line}\n" for line in lines))
    return run_script("mirror.sh", LIST=str(tmp_path / "list"), **environment)


def test_an_index_keeps_its_digest_and_is_copied_once(
    run_script: Run, krane: Run, registry: Any, index: str, tmp_path: Path
) -> None:
    name = tmp_path.name.replace("_", "-")
    first = mirrored(run_script, tmp_path, f"{index} {name}/whole:1 -", f"{index} {name}/one:1 linux/arm64")
    assert first.code == 0, first.log
    assert json.loads(first.message) == {"copied": 2, "present": 0}
    assert krane("digest", f"{registry.host}/{name}/whole:1") == krane("digest", index)
    assert krane("digest", f"{registry.host}/{name}/one:1") == krane("digest", "--platform", "linux/arm64", index)
    second = mirrored(
        run_script,
        tmp_path,
        f"{index} {name}/whole:1 -",
        f"{index} {name}/one:1 linux/arm64",
        f"{index} {name}/new:1 -",
    )
    assert json.loads(second.message) == {"copied": 1, "present": 2}


def test_chosen_platforms_keep_their_digests_in_a_smaller_index(
    run_script: Run, krane: Run, registry: Any, index: str, tmp_path: Path
) -> None:
    name = tmp_path.name.replace("_", "-")
    line = f"{index} {name}/two:1 linux/arm64,linux/amd64"
    assert json.loads(mirrored(run_script, tmp_path, line).message) == {"copied": 1, "present": 0}
    manifest = json.loads(krane("manifest", f"{registry.host}/{name}/two:1"))
    wanted = {krane("digest", "--platform", f"linux/{p}", index) for p in ("arm64", "amd64")}
    assert {entry["digest"] for entry in manifest["manifests"]} == wanted
    assert json.loads(mirrored(run_script, tmp_path, line).message) == {"copied": 0, "present": 1}


def test_a_stopped_mirror_resumes_once_the_missing_image_exists(
    run_script: Run, krane: Run, registry: Any, index: str, tmp_path: Path
) -> None:
    name = tmp_path.name.replace("_", "-")
    late = f"{registry.host}/{name}/late:1"
    lines = (f"{index} {name}/whole:1 -", f"{late} {name}/copy:1 -")
    stopped = mirrored(run_script, tmp_path, *lines)
    assert stopped.code == 1 and f"Reading {late} failed" in stopped.message, stopped.log
    krane("copy", index, late)
    done = mirrored(run_script, tmp_path, *lines)
    assert json.loads(done.message) == {"copied": 1, "present": 1}, done.log


@dataclass(frozen=True)
class Vendor:
    """Another registry, which everyone may read, with an image by digest in it; ``trusted`` the authorities of both registries."""

    image: str
    storage: Path
    trusted: str


@pytest.fixture
def vendor(registry: Any, index: str, krane: Run, tmp_path: Path) -> Iterator[Vendor]:
    directory = tmp_path / "vendor"
    directory.mkdir()
    with own_authority(directory) as served:
        krane("copy", "--insecure", index, f"{served.host}/mendix/runtime:1")
        trusted = directory / "both.crt"
        trusted.write_bytes(registry.authority.read_bytes() + served.authority.read_bytes())
        image = f"{served.host}/mendix/runtime@{krane('digest', index)}"
        yield Vendor(image, directory / "storage", str(trusted))


def test_a_present_digest_needs_no_request_to_its_source(run_script: Run, vendor: Vendor, tmp_path: Path) -> None:
    name = tmp_path.name.replace("_", "-")
    line = f"{vendor.image} {name}/copy:1 -"
    first = mirrored(run_script, tmp_path, line, SSL_CERT_FILE=vendor.trusted)
    assert json.loads(first.message) == {"copied": 1, "present": 0}, first.log
    shutil.rmtree(vendor.storage)
    second = mirrored(run_script, tmp_path, line, SSL_CERT_FILE=vendor.trusted)
    assert json.loads(second.message) == {"copied": 0, "present": 1}, second.log


def test_a_lost_layer_is_reported_with_its_source(run_script: Run, vendor: Vendor, tmp_path: Path) -> None:
    blobs = [path for path in vendor.storage.rglob("blobs/sha256/*/*/data") if not path.read_bytes().startswith(b"{")]
    assert blobs
    for blob in blobs:
        blob.unlink()
    line = f"{vendor.image} {tmp_path.name.replace('_', '-')}/copy:1 -"
    pod = mirrored(run_script, tmp_path, line, SSL_CERT_FILE=vendor.trusted)
    assert pod.code != 0 and f"Reading {vendor.image} failed" in pod.message, pod.log


def test_a_copy_is_checked_although_the_client_prints_nothing(
    run_script: Run, krane: Run, image: Any, registry: Any, index: str, tmp_path: Path
) -> None:
    silent = tmp_path / "silent"
    silent.write_text(f'#!{image.busybox} sh\nexec {image.krane} "$@" 2>/dev/null\n')
    silent.chmod(0o755)
    name = tmp_path.name.replace("_", "-")
    pod = mirrored(run_script, tmp_path, f"{index} {name}/copy:1 -", KRANE=str(silent))
    assert json.loads(pod.message) == {"copied": 1, "present": 0}, pod.log
    assert krane("digest", f"{registry.host}/{name}/copy:1") == krane("digest", index)


# What krane says on standard error at Artifact Registry, as recorded; its keychain for Google complains of gcloud first.
_NO_IDENTITY = "2026/11/25 08:13:11 gcloud binary not found"
_DENIED = (
    "Error: HEAD https://europe-west4-docker.pkg.dev/v2/p/r/a/blobs/sha256:8e: unexpected status code 403 Forbidden"
)
_IMMUTABLE = (
    "Error: PUT https://europe-west4-docker.pkg.dev/v2/p/r/a/manifests/1: MANIFEST_INVALID: manifest invalid: "
    "cannot update tag 1. The repository has enabled tag immutability"
)


def client_that(tmp_path: Path, lines: str) -> str:
    """A client of which only this is known: what it says and how it ends."""
    recorded = tmp_path / "krane"
    recorded.write_text(f"#!/bin/sh\n{lines}\n")
    recorded.chmod(0o755)
    return str(recorded)


@pytest.mark.parametrize(
    ("words", "tries", "hint"),
    [
        # A permission that is not visible yet must not end the Job as if there were no repository.
        ([_NO_IDENTITY, _DENIED], 2, "the metadata server gave krane no identity"),
        ([_DENIED], 2, "the identity may not do this"),
        ([_IMMUTABLE], 1, "is immutable: choose another tag"),
        ([_NO_IDENTITY, "Error: NAME_UNKNOWN: Repository not found"], 1, "the repository apps/orders does not exist"),
    ],
    ids=["no identity yet", "no permission yet", "immutable tag", "no repository"],
)
def test_googles_answers_are_distinguished_and_temporary_ones_retried(
    run_script: Run, tmp_path: Path, proof: tuple[ProofImage, str], words: list[str], tries: int, hint: str
) -> None:
    image, directory = proof
    krane = client_that(tmp_path, "".join(f"echo '{line}' >&2\n" for line in words) + "exit 1")
    settings = {"CREDENTIALS": "identity", "KRANE": krane, "ATTEMPTS": "2"}
    pod = run_script("verify.sh", IMAGE=directory, TAG="t", DIGEST=image.digest, **settings)
    assert pod.code == 1 and pod.log.count("attempt ") == tries, pod.log
    assert hint in pod.message


@pytest.mark.parametrize(
    "krane", ["exec sleep 60", "echo 'Error: connection refused' >&2\nexit 1"], ids=["call", "pause"]
)
def test_a_pod_ended_by_the_cluster_reports_its_progress(
    start_script: Run, tmp_path: Path, proof: tuple[ProofImage, str], krane: str
) -> None:
    """The last words are in the message well before the cluster kills the pod, whatever the script was waiting for."""
    image, directory = proof
    settings = {"KRANE": client_that(tmp_path, krane), "ATTEMPTS": "50"}
    running = start_script("verify.sh", IMAGE=directory, TAG="t", DIGEST=image.digest, **settings)
    awaited(lambda: "pushing the proof image" in running.log())
    if "refused" in krane:
        awaited(lambda: "attempt 3 " in running.log())
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(3) == 1  # the pause at which it is ended has four
    message = running.message()
    assert "The push to" in message and "raise builder.timeoutSeconds" in message
    assert ("registry: Error: connection refused" in message) == ("refused" in krane)
    assert ("hint: nothing answers at" in message) == ("refused" in krane)


def awaited(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")
