"""Mirror throughput beside `skopeo copy` and plain `krane copy`, and its memory: `python bench/mirror.py [MIB]`.

Two real registries on loopback, a source and a destination. Each contestant copies the same image of several layers of random
bytes into its own repository, all in turn in one run and several rounds, so that ratios hold on a machine whose speed drifts.
The builder Job's mirror is its script with its client, as its pod runs them. Memory is the largest resident set of the contestant's
processes, for the image and for one a quarter as large: constant memory shows as two figures alike.

What the Job does beside copying costs the same for every image: it is measured with one of a MiB, and reported in
calls of the client, requests to the registries, and processor time of the contestant, which a busy machine does not
stretch as it does seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import httpx
import psutil

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "components" / "mendix_registry" / "kubernetes" / "scripts"
sys.path.insert(0, str(ROOT))
LAYERS, ROUNDS, SHORT_ROUNDS, MIB = 4, 3, 9, 1024 * 1024
SHORT = 512
"""Up to how many MiB a round is so short that what else the machine does outweighs what is to be measured."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@contextlib.contextmanager
def registry(directory: Path) -> Iterator[str]:
    """A registry open to everyone on loopback; its host and port."""
    from rehearsal.cluster.paths import cache_directory
    from rehearsal.registry.configuration import distribution_configuration
    from rehearsal.registry.spec import RegistrySpec
    from rehearsal.toolchain.programs import REGISTRY

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    directory.mkdir()
    nothing = directory / "none"
    text = distribution_configuration(
        RegistrySpec(host, host, tls=False),
        host,
        storage=directory / "storage",
        htpasswd=nothing,
        certificate=nothing,
        key=nothing,
        secret=secrets.token_hex(16),
    )
    (directory / "config.yml").write_text(text)
    with (directory / "log").open("w") as log:
        command = [str(REGISTRY.cached(cache_directory())), "serve", str(directory / "config.yml")]
        process = subprocess.Popen(  # noqa: S603
            command, stdout=log, stderr=log, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        )
        try:
            for _ in range(100):
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://{host}/v2/", trust_env=False).is_success:
                        break
                time.sleep(0.1)
            yield host
        finally:
            process.terminate()
            process.wait()


def push(host: str, repository: str, size: int) -> None:
    """An image of ``size`` bytes in some layers, which do not compress."""
    with httpx.Client(base_url=f"http://{host}/v2/{repository}", trust_env=False, timeout=120) as client:

        def blob(content: bytes) -> dict[str, object]:
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            where = client.post("/blobs/uploads/").raise_for_status().headers["location"]
            client.put(where, params={**httpx.URL(where).params, "digest": digest}, content=content).raise_for_status()
            return {"digest": digest, "size": len(content)}

        kind = "application/vnd.oci.image.layer.v1.tar"
        layers = [{"mediaType": kind, **blob(secrets.token_bytes(size // LAYERS))} for _ in range(LAYERS)]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [x["digest"] for x in layers]},
        }
        described = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(json.dumps(config).encode())}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
        client.put("/manifests/1", json=document, headers={"content-type": MANIFEST}).raise_for_status()


class Contest:
    """``krane`` is the client's program; ``home`` a directory for what the contestants write."""

    def __init__(self, krane: str, source: str, target: str, home: Path) -> None:
        self._krane, self._source, self._target, self._home = krane, source, target, home

    def mirror(self, name: str, to: str) -> tuple[list[str], dict[str, str]]:
        """The builder Job's own: the script reads its list, looks, copies, and reads back. On loopback the client takes plain http
        without an option, so this is the way of a production registry."""
        home = self._home / to.replace("/", "-")
        home.mkdir()
        (home / "list").write_text(f"{self._source}/{name}:1 {to}:1 -\n")
        environment = {
            "KRANE": self._krane, "HOME": str(home), "MESSAGE": str(home / "message"), "LIST": str(home / "list"),
            "PUSH_HOST": self._target, "REPOSITORY": to, "CREDENTIALS": "anonymous", "INSECURE": "false", "ATTEMPTS": "1",
            "CALL_SECONDS": "600",
        }  # fmt: skip
        return ["sh", str(SCRIPTS / "mirror.sh")], environment

    def counted(self) -> Contest:
        """The same, with a client that notes each call in the file ``calls``."""
        counting = self._home / "krane"
        counting.write_text(f'#!/bin/sh\necho >>{self._home}/calls\nexec {self._krane} "$@"\n')
        counting.chmod(0o755)
        (self._home / "calls").write_text("")
        return Contest(str(counting), self._source, self._target, self._home)

    def crane(self, name: str, to: str) -> tuple[list[str], dict[str, str]]:
        return [self._krane, "copy", f"{self._source}/{name}:1", f"{self._target}/{to}:1"], {"HOME": str(self._home)}

    def skopeo(self, name: str, to: str) -> tuple[list[str], dict[str, str]]:
        where = [f"docker://{self._source}/{name}:1", f"docker://{self._target}/{to}:1"]
        plain = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        return ["skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", *plain, *where], {
            "HOME": str(self._home)
        }


@dataclass(frozen=True, slots=True)
class Run:
    """``cpu`` in seconds; ``memory`` the largest resident set of the process and its children in bytes."""

    seconds: float
    cpu: float
    memory: int


def timed(command: list[str], environment: dict[str, str]) -> Run:
    began, before = time.monotonic(), _cpu()
    process = subprocess.Popen(  # noqa: S603
        command,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    largest, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal largest
        while not ended.wait(0.02):
            with contextlib.suppress(psutil.Error):
                own = psutil.Process(process.pid)
                largest = max(largest, sum(item.memory_info().rss for item in [own, *own.children(recursive=True)]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    ended.set()
    watcher.join()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed: {output.decode()}")
    return Run(seconds, _cpu() - before, largest)


def _cpu() -> float:
    """Of children that have ended, which the registries have not."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


Rivals: TypeAlias = "dict[str, Callable[[str, str], tuple[list[str], dict[str, str]]]]"


def rivals_of(contest: Contest) -> Rivals:
    found: Rivals = {"mirror Job": contest.mirror, "krane copy": contest.crane}
    if shutil.which("skopeo"):
        found["skopeo copy"] = contest.skopeo
    return found


def compete(rivals: Rivals, image: str, rounds: int, storage: Path) -> dict[str, list[Run]]:
    """Each contestant in turn, ``rounds`` times, into a registry that has nothing."""
    runs: dict[str, list[Run]] = {name: [] for name in rivals}
    for number in range(rounds):
        # Who comes first pays for what the one before has left to be written: everybody does so equally often.
        first = number % len(rivals)
        for name in [*list(rivals)[first:], *list(rivals)[:first]]:
            runs[name].append(timed(*rivals[name](image, f"{image}-{number}/{name.replace(' ', '-').lower()}")))
            # A registry rejects what it has already under another name without this.
            shutil.rmtree(storage, ignore_errors=True)
    return runs


def tell_fixed_cost(contest: Contest, home: Path) -> None:
    """What is done for an image of a MiB, and what that costs."""
    runs = compete(rivals_of(contest), "tiny", SHORT_ROUNDS, home / "target" / "storage")
    counted, requests, calls = rivals_of(contest.counted()), {}, {}
    for name in ("mirror Job", "krane copy"):
        before = _requests(home)
        timed(*counted[name]("tiny", f"counted/{name.replace(' ', '-').lower()}"))
        requests[name], calls[name] = _requests(home) - before, (home / "calls").read_text().count("\n")
        (home / "calls").write_text("")
        shutil.rmtree(home / "target" / "storage", ignore_errors=True)
    print(f"  fixed cost, with 1 MiB, medians of {SHORT_ROUNDS} rounds:")
    for name, done in runs.items():
        told = f", {calls[name]} calls of the client, {requests[name]} requests" if name in calls else ""
        seconds, cpu = (statistics.median(getattr(run, what) for run in done) * 1000 for what in ("seconds", "cpu"))
        print(f"    {name:<12}{seconds:5.0f} ms, {cpu:4.0f} ms of processor time{told}")


def _requests(home: Path) -> int:
    """By the access logs of both registries."""
    return sum((home / name / "log").read_text().count(' HTTP/1.1" ') for name in ("source", "target"))


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    from rehearsal.cluster.paths import cache_directory
    from rehearsal.toolchain.programs import CLIENT

    krane = CLIENT.cached(cache_directory())
    if not krane.is_file():
        sys.exit("The client is not built yet: `make up` builds it.")
    rounds = SHORT_ROUNDS if size <= SHORT else ROUNDS
    print(
        f"mirror of {size} MiB in {LAYERS} layers, {rounds} rounds; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(prefix="bench-mirror-") as text, contextlib.ExitStack() as stack:
        home = Path(text)
        source, target = (stack.enter_context(registry(home / name)) for name in ("source", "target"))
        contest = Contest(str(krane), source, target, home)
        rivals = rivals_of(contest)
        if "skopeo copy" not in rivals:
            print("  skopeo is not installed (Debian: apt-get install skopeo), so it takes no part")
        for name, bytes_ in (("whole", size * MIB), ("quarter", size * MIB // 4), ("tiny", MIB)):
            push(source, name, bytes_)
        tell_fixed_cost(contest, home)
        storage = home / "target" / "storage"
        runs = compete(rivals, "whole", rounds, storage)
        quarters = compete(rivals, "quarter", 1, storage)
    rate = {name: size / statistics.median(run.seconds for run in done) for name, done in runs.items()}
    for name, done in runs.items():
        whole, quarter = (max(run.memory for run in some[name]) / MIB for some in (runs, quarters))
        seconds = ", ".join(f"{run.seconds:.2f}" for run in done)
        cpu = statistics.median(run.cpu for run in done)
        print(f"  {name:<12}{rate[name]:7.0f} MiB/s (median of {seconds} s), {cpu:.2f} s of processor time,")
        print(f"{'':14}memory {whole:.0f} MiB, with a quarter of the image {quarter:.0f} MiB")
    best = max(rate[name] for name in rivals if name != "mirror Job")
    print(f"  mirror Job / the better of the others: {rate['mirror Job'] / best:.2f} (to be at least 0.95)")


if __name__ == "__main__":
    main()
