"""Subnets of nodes: no two homes have one, and nobody removes another's."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cluster.network import METADATA_ADDRESSES, Subnet, free_subnet, used_indexes

ROOT = Path(__file__).parents[3]
TEST_NETWORK = ipaddress.IPv4Network("198.18.0.0/15")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each scene of :mod:`tests.rehearsal.cluster.own_network` saw, in a network namespace with a loopback interface only."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare for a network of its own")
    # /sys shows the network of whoever mounted it.
    program = 'ip link set lo up && mount -t sysfs sysfs /sys && exec "$@"'
    lock = tmp_path_factory.mktemp("network") / "lock"
    command = [sys.executable, "-m", "tests.rehearsal.cluster.own_network", str(lock)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", program, "sh", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@given(st.integers(0, 255), st.integers(0, 255))
def test_two_subnets_share_no_address_and_no_name(one: int, other: int) -> None:
    def networks(subnet: Subnet) -> list[ipaddress.IPv4Network]:
        return [ipaddress.IPv4Network(text) for text in (subnet.network, subnet.pods)]

    a, b = Subnet(one), Subnet(other)
    assert any(m.overlaps(n) for m in networks(a) for n in networks(b)) == (one == other)
    assert (a.link == b.link) == (a.peer == b.peer) == (one == other)
    for name in (a.link, a.peer):
        assert len(name) < 16, "IFNAMSIZ of the kernel"
    assert all(network.subnet_of(TEST_NETWORK) for network in networks(a))


def test_addresses_of_a_subnet_are_distinct_and_in_range() -> None:
    subnet = Subnet(7)
    own = ipaddress.IPv4Network(subnet.local_range)
    addresses = [subnet.registry(number) for number in range(121)] + [subnet.service]
    assert len(set(addresses)) == len(addresses)
    assert all(ipaddress.IPv4Address(address) in own for address in addresses)
    assert not any(ipaddress.IPv4Address(address) in own for address in (subnet.host, subnet.node))
    assert all(ipaddress.IPv4Network(address).is_link_local for address in METADATA_ADDRESSES)


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(
            lambda offset, prefix: ipaddress.IPv4Network((int(TEST_NETWORK[0]) + offset, prefix), strict=False),
            st.integers(0, TEST_NETWORK.num_addresses - 1),
            st.integers(15, 32),
        ),
        max_size=4,
    )
)
def test_a_free_subnet_touches_nothing_of_the_machines(ranges: list[ipaddress.IPv4Network]) -> None:
    found = free_subnet(3, used_indexes(ranges))
    if found is None:
        return
    for text in (found.network, found.pods):
        assert not any(ipaddress.IPv4Network(text).overlaps(taken) for taken in ranges)


def test_a_network_avoids_others_and_fails_on_full_machines() -> None:
    assert (
        used_indexes([ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "127.0.0.0/8", "198.20.0.0/16")]) == set()
    )
    assert free_subnet(None, used_indexes([ipaddress.IPv4Network("198.16.0.0/13")])) is None


def test_homes_starting_and_ending_at_once_keep_their_claims(seen: dict[str, Any]) -> None:
    assert seen["at_once"] == {"lost": [], "left": [f"home-{number}" for number in range(4)]}


def test_an_ending_node_keeps_the_link_of_another(seen: dict[str, Any]) -> None:
    """The link's name was looked at, and removed a moment later: another node that had started in between lost its network."""
    assert seen["ended_meanwhile"] == {"mxrehearsal0": "B"}


def test_a_home_never_releases_the_claim_of_another(seen: dict[str, Any]) -> None:
    assert seen["somebody_elses"] == {"released": [], "links": {"mxrehearsal0": "B"}}


def test_a_killed_start_does_not_block_the_next_one(seen: dict[str, Any]) -> None:
    """A link without an address took no subnet, so that every later start wanted its name and was refused it."""
    found = seen["killed_between"]
    assert sorted(found["made"].values()) == ["A", "B"]
    assert (len(found["released"]), list(found["left"].values())) == (1, ["A"])


def test_a_failed_link_is_reported_with_the_kernels_words(seen: dict[str, Any]) -> None:
    found = seen["half_made"]
    assert "File exists" in found["error"]
    assert "privileged" in found["error"]
    assert found["links"] == {}


def test_interfaces_and_routes_of_the_machine_are_seen(seen: dict[str, Any]) -> None:
    assert seen["routed"] == 2
