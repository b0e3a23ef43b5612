"""Run in a network namespace of its own (:mod:`tests.rehearsal.cluster.test_network` starts it): links are made and removed for
real, and those of the machine are not touched. Prints what it saw as JSON."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rehearsal.cluster import network
from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.network import Subnet, claim_subnet, release_subnet
from rehearsal.toolchain.commands import Result, run

PROCESSES, ROUNDS = 4, 3


def links() -> dict[str, str]:
    """The rehearsal's links of this namespace, with their owners."""
    found = Path("/sys/class/net").glob("mxrehearsal*")
    return {link.name: (link / "ifalias").read_text().strip() for link in found}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def at_once() -> Any:
    """Several homes start and end at once, again and again; each checks that what it claimed stays its own."""
    context = multiprocessing.get_context("fork")
    lost: Any = context.Queue()
    barrier = context.Barrier(PROCESSES)

    def home(owner: str) -> None:
        barrier.wait()
        for _ in range(ROUNDS):
            subnet = claim_subnet(0, owner)
            if links().get(subnet.link) != owner:
                lost.put(f"{owner} claimed {subnet.link} and does not have it")
            # The kernel takes the link when the node's last process ends, while `down` removes it, too.
            with subprocess.Popen(["ip", "link", "delete", subnet.peer], stderr=subprocess.DEVNULL):
                release_subnet(owner)
        kept = claim_subnet(0, owner)
        barrier.wait()
        if links().get(kept.link) != owner:
            lost.put(f"{owner} lost {kept.link}")
        lost.put("")

    homes = [context.Process(target=home, args=(f"home-{number}",)) for number in range(PROCESSES)]
    for process in homes:
        process.start()
    told: list[str] = []
    while told.count("") < PROCESSES:
        told.append(lost.get(timeout=60))
    for process in homes:
        process.join()
    return {"lost": [text for text in told if text], "left": sorted(links().values())}


def ended_meanwhile() -> Any:
    """The kernel removes A's link after A has looked whose it is, and B starts before A removes it."""
    subnet = claim_subnet(None, "A")
    claims = threading.Thread(target=claim_subnet, args=(None, "B"))

    def slow(command: list[str | Path], **options: Any) -> Result:
        if "delete" in command:
            ip("link", "delete", subnet.peer)
            claims.start()
            claims.join(0.5)
        return run(command, **options)

    network.run = slow
    release_subnet("A")
    claims.join()
    return links()


def somebody_elses() -> Any:
    """A home that remembers a subnet which another home's node has now."""
    claim_subnet(None, "B")
    return {"released": release_subnet("A"), "links": links()}


def killed_between() -> Any:
    """What starts that were killed left: a link that was not yet named after its owner, and one of the owner's own."""
    ip("link", "add", Subnet(0).link, "type", "veth", "peer", "name", Subnet(0).peer)
    for owner in ("A", "B", "A"):
        claim_subnet(None, owner)
    made = links()
    # And what `down` does where the start had not yet noted which subnet it had.
    return {"made": made, "released": release_subnet("B"), "left": links()}


def half_made() -> Any:
    """The other end's name is taken: the link cannot be made."""
    ip("link", "add", Subnet(0).peer, "type", "veth", "peer", "name", "other")
    try:
        claim_subnet(None, "A")
    except ClusterError as error:
        return {"error": str(error), "links": links()}
    return {"links": links()}


def routed() -> Any:
    """Subnet 0 is behind a route of the machine's, the pods of subnet 1 lie in an interface's network."""
    ip("link", "add", "vpn", "type", "veth", "peer", "name", "far")
    ip("link", "set", "far", "up")
    ip("link", "set", "vpn", "up")
    ip("addr", "add", "198.19.1.7/25", "dev", "vpn")
    ip("route", "add", "198.18.0.192/26", "dev", "vpn")
    return claim_subnet(0, "A").index


SCENES: dict[str, Callable[[], Any]] = {
    scene.__name__: scene for scene in (at_once, ended_meanwhile, somebody_elses, killed_between, half_made, routed)
}


def played(scene: Callable[[], Any]) -> Any:
    """What a scene saw, and where it failed the failure; its links are gone afterwards."""
    try:
        return scene()
    except Exception:
        return traceback.format_exc()
    finally:
        network.run = run
        for link in Path("/sys/class/net").iterdir():
            if link.name != "lo" and link.exists():
                ip("link", "delete", link.name)


if __name__ == "__main__":
    network.MACHINE_LOCK = Path(sys.argv[1])
    print(json.dumps({name: played(scene) for name, scene in SCENES.items()}))
