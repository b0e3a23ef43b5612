"""Wrong input and broken surroundings: a clear reason, the right exit status, nothing lost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import kr8s
import pytest

from rehearsal.cluster import Cluster
from rehearsal.registry import RegistrySpec
from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster


def failed(done: subprocess.CompletedProcess[str], status: int, *words: str) -> str:
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    for word in words:
        assert word in text, text
    assert "Traceback" not in text, text
    return text


def test_no_such_stack(project: Project) -> None:
    failed(project.run("up", "--yes", "--stack", "loca"), 2, "no such stack", "Did you mean local?")


def test_a_refused_stack_file_registers_nothing(project: Project) -> None:
    project.stack(registry={"pushHost": "https://registry.example.com", "respository": "x"}, builder={"attempts": 0})
    text = failed(
        project.run("up", "--yes"),
        2,
        "config.mendix-registry:registry.pushHost",
        "config.mendix-registry:registry.respository",
        "config.mendix-registry:builder.attempts",
        "Did you mean 'repository'?",
        "Nothing was changed",
    )
    assert "created" not in text.replace("Stack created", "")
    assert [resource["type"] for resource in project.state()["resources"]] == ["pulumi:pulumi:Stack"]


def test_a_pull_host_with_a_scheme_is_refused_with_its_path(project: Project) -> None:
    project.stack(registry={"pullHost": "https://localhost:32000"})
    text = failed(project.run("up", "--yes"), 2, "config.mendix-registry:registry.pullHost", "begins with a scheme")
    assert "fault of the rehearsal" not in text


def test_wrong_passphrase(project: Project) -> None:
    project.stack(builder={"mode": "none"})
    project.up()
    before = project.state()
    failed(project.run("up", "--yes", PULUMI_CONFIG_PASSPHRASE="wrong"), 2, "passphrase", "PULUMI_CONFIG_PASSPHRASE")
    assert project.state() == before


def test_locked_state(project: Project) -> None:
    project.stack(builder={"mode": "none"})
    project.up()
    locks = project.root / "state" / ".pulumi" / "locks" / "organization" / "mendix-registry" / "local"
    lock = locks / "11111111-2222-3333-4444-555555555555.json"
    holder = {"pid": 1, "username": "ann", "hostname": "other-host", "timestamp": "2026-11-25T00:00:00Z"}
    lock.write_text(json.dumps(holder))
    failed(project.run("up", "--yes"), 1, "locked", "ann", "other-host", "delete the file")
    assert "ann" in project.run("status").stdout
    lock.unlink()
    project.up()


def test_unreachable_cluster(project: Project, kubeconfig: Path, tmp_path: Path) -> None:
    """The kubeconfig names a server that nobody answers: said at once, with the address."""
    project.stack(cluster={"kubeconfig": {"file": str(tmp_path / "kubeconfig")}})
    good = kubeconfig.read_text()
    lines = ["    server: https://127.0.0.1:1" if "server:" in line else line for line in good.splitlines()]
    (tmp_path / "kubeconfig").write_text("\n".join(lines))
    failed(project.run("up", "--yes"), 1, "127.0.0.1:1", "Safe:")
    (project.root / "stacks" / "Pulumi.local.yaml").unlink()
    project.stack()


def test_refused_password(project: Project) -> None:
    project.stack(registry={"authentication": {"password": {"environment": "WRONG"}}})
    began = time.monotonic()
    failed(
        project.run("up", "--yes", WRONG="not-the-password"),
        1,
        "The push to registry.mendix-rehearsal.svc.cluster.local:5000/mendixapps/orders",
        "refuses user or password",
        "registry.authentication",
    )
    assert time.monotonic() - began < 60
    project.stack()
    assert project.up()["pushed"]


def test_unknown_authority(project: Project) -> None:
    project.stack(registry={"transport": {"caCertificate": ..., "insecure": False}})
    failed(project.run("up", "--yes"), 1, "authority that is not known", "registry.transport.caCertificate")


def test_plain_http_registry(project: Project, cluster: Cluster) -> None:
    """https was decided, the registry speaks plain http: refused by name, and the password never went out."""
    spec = RegistrySpec("plain.registry.internal:5001", "localhost:32001", "builder", "pw", tls=False)
    image = cluster.registry(spec).client_image
    project.stack(
        registry={
            "pushHost": "plain.registry.internal:5001",
            "pullHost": "localhost:32001",
            "authentication": {"password": {"environment": "PW"}},
            "transport": {"caCertificate": ...},
        },
        builder={"image": {"environment": "CLIENT"}},
    )
    failed(project.run("up", "--yes", PW="pw", CLIENT=image), 1, "plain http", "registry.transport.insecure")


def test_a_client_image_that_cannot_be_pulled_is_told_before_the_deadline(project: Project) -> None:
    project.stack(
        builder={"image": "registry.mendix-rehearsal.svc.cluster.local:5000/no/such:image", "timeoutSeconds": 600}
    )
    began = time.monotonic()
    failed(project.run("up", "--yes"), 1, "no/such:image")
    assert time.monotonic() - began < 60


def test_full_disk_while_the_state_is_written(project: Project, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
    try:
        url = f"file://{disk}"
        text = failed(project.run("up", "--yes", PULUMI_BACKEND_URL=url), 1, "No space left")
        assert str(disk) in text
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        project.up(PULUMI_BACKEND_URL=url)
        assert project.run("destroy", "--yes", PULUMI_BACKEND_URL=url).returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_control_c_in_the_middle(project: Project, api: kr8s.Api) -> None:
    process = project.start("up", "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if "orders-proof" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 1, rest + errors
    assert "Cancelled" in rest and "the same command goes on from here" in rest
    project.up()
    assert len(list(kr8s.get("jobs", namespace="orders", api=api))) == 2


def test_a_slip_in_the_stack_file_leaves_nothing_behind_that_is_in_the_way_once_it_is_mended(project: Project) -> None:
    """``creat`` for ``create``: the rehearsal took the namespace for granted, made it, and the mended stack found it there."""
    name = f"slip-{secrets.token_hex(3)}"
    project.stack(namespaces=[{"name": name, "creat": True}], builder={"mode": "none"})
    failed(project.run("up", "--yes"), 2, "Did you mean 'create'?")
    project.stack(namespaces=[{"name": name, "create": True}], builder={"mode": "none"})
    assert project.up()["changes"]["create"] > 0
