"""The node's DNS, asked by stock clients: dnsmasq itself runs in a network namespace of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cluster import dns
from rehearsal.cluster.errors import ClusterError
from rehearsal.cluster.network import Subnet

SUBNET = Subnet(7)
NAMES = {
    "registry.mendix-rehearsal.svc.cluster.local": SUBNET.registry(0),
    "*.azurecr.io": SUBNET.service,
    "special.azurecr.io": SUBNET.registry(1),
    "gcr.io": SUBNET.service,
}
ASKED = (
    *("registry.mendix-rehearsal.svc.cluster.local", "x.registry.mendix-rehearsal.svc.cluster.local"),
    *("company.azurecr.io", "a.b.azurecr.io", "special.azurecr.io", "azurecr.io.example.com", "gcr.io", "eu.gcr.io"),
    *("kubernetes.default.svc", "host.rehearsal.internal", "registry-1.docker.io"),
)
QUESTIONS = """
ip link set lo up && ip addr add {node}/32 dev lo && mount --bind {directory}/resolv.conf /etc/resolv.conf || exit 1
dnsmasq --conf-file={directory}/dnsmasq.conf 2>/dev/null &
trap 'kill $!' EXIT
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  busybox nslookup -type=a host.rehearsal.internal {node} >/dev/null 2>&1 && break || sleep 0.1
done
for name in {names}; do
  echo "== $name"
  busybox nslookup -type=a $name {node}
  echo "-- aaaa"
  busybox nslookup -type=aaaa $name {node}
  echo "-- getent"
  getent ahosts $name
done
true
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, str]]:
    """For each of :data:`ASKED`: its addresses by busybox, whether it exists to a question for IPv6 (``NXDOMAIN`` where not), and
    its addresses by the C library."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "dnsmasq", "busybox", "getent"))):
        pytest.skip("needs root, unshare, dnsmasq, busybox and getent")
    directory = tmp_path_factory.mktemp("dns")
    (directory / "dnsmasq.conf").write_text(dns.configuration(SUBNET, dns.checked(NAMES)))
    (directory / "resolv.conf").write_text(f"nameserver {SUBNET.node}\n")
    script = QUESTIONS.format(directory=directory, node=SUBNET.node, names=" ".join(ASKED))
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[str, str, str]] = {}
    for part in done.stdout.split("== ")[1:]:
        busybox, v6, libc = part.split("-- ")
        name = busybox.splitlines()[0]
        addresses = re.findall(rf"Name:\t{re.escape(name)}\nAddress: (\S+)", busybox)
        found[name] = (
            " ".join(addresses),
            "NXDOMAIN" if "NXDOMAIN" in v6 else "",
            " ".join(sorted({line.split()[0] for line in libc.splitlines()[1:]})),
        )
    return found


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("registry.mendix-rehearsal.svc.cluster.local", SUBNET.registry(0)),
        ("company.azurecr.io", SUBNET.service),
        ("a.b.azurecr.io", SUBNET.service),
        ("special.azurecr.io", SUBNET.registry(1)),
        ("gcr.io", SUBNET.service),
        ("kubernetes.default.svc", "10.96.0.1"),
        ("host.rehearsal.internal", SUBNET.host),
    ],
)
def test_a_rehearsals_name_exists_for_every_type_of_query(
    answers: dict[str, tuple[str, str, str]], name: str, address: str
) -> None:
    """A name that has an IPv4 address has to exist, without an answer, to a question for IPv6: musl, which Alpine's images have,
    takes it for none otherwise (RFC 2308, 2; RFC 8020)."""
    assert answers[name] == (address, "", address)


@pytest.mark.parametrize(
    "name",
    ["x.registry.mendix-rehearsal.svc.cluster.local", "azurecr.io.example.com", "eu.gcr.io", "registry-1.docker.io"],
)
def test_every_other_name_does_not_exist(answers: dict[str, tuple[str, str, str]], name: str) -> None:
    """And is not refused, which clients try again."""
    assert answers[name] == ("", "NXDOMAIN", "")


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "*",
        "*.",
        "a.*.b",
        "Registry.example.com",
        "a.example.com:5000",
        "a..b",
        "a.b\n",
        "a.b/1.2.3.4",
        "-a.b",
        "",
    ],
)
def test_what_is_no_name_is_rejected(name: str) -> None:
    with pytest.raises(ClusterError, match="is not a DNS name"):
        dns.checked({name: "198.18.0.129"})


@given(st.text("a0.-*\n/,# ", max_size=12))
def test_an_accepted_name_is_one_word_of_the_configuration(name: str) -> None:
    try:
        dns.checked({name: SUBNET.service})
    except ClusterError:
        return
    with_it, without = (dns.configuration(SUBNET, names).splitlines() for names in ({name: SUBNET.service}, {}))
    assert {line for line in with_it if line not in without} <= {
        f"host-record={name},{SUBNET.service}",
        f"address=/{name[2:]}/{SUBNET.service}",
        f"local=/{name[2:]}/",
    }
