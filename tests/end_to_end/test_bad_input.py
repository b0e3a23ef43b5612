"""Wrong input and broken surroundings: a clear reason, the right exit status, nothing lost."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
from pathlib import Path

import kr8s
import pytest

from rehearsal.cluster import Cluster
from rehearsal.registry import RegistrySpec
from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster

# As `pulumi stack init` writes it.
SALT_OF_ANOTHER_PASSPHRASE = "v1:LkxT0CRw81k=:v1:B8f7RbdN02ZZzW2t:G/KWQd/VoqHSjNcJxM0oZE9tOiAZKw=="


def failed(done: subprocess.CompletedProcess[str], status: int, *words: str) -> str:
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    for word in words:
        assert word in text, text
    return text


def test_a_stack_that_does_not_exist_is_rejected(project: Project) -> None:
    failed(project.run("up", "--yes", "--stack", "loca"), 2, "There is no stack", "Did you mean local?")


def test_a_rejected_stack_file_registers_nothing(project: Project) -> None:
    project.stack(registry={"pushHost": "https://registry.example.com", "respository": "x"}, builder={"attempts": 0})
    failed(
        project.run("up", "--yes", "--skip-preview"),
        2,
        "config.mendix-registry:registry.pushHost",
        "config.mendix-registry:registry.respository",
        "config.mendix-registry:builder.attempts",
        "Did you mean 'repository'?",
        "Nothing was deployed",
    )
    assert not project.states()


def test_a_pull_host_with_a_scheme_is_rejected(project: Project) -> None:
    project.stack(registry={"pullHost": "https://localhost:32000"})
    text = failed(
        project.run("up", "--yes", "--skip-preview"),
        2,
        "config.mendix-registry:registry.pullHost",
        "begins with a scheme",
    )
    assert "fault of the rehearsal" not in text


def test_a_wrong_passphrase_for_the_stack_files_own_secrets(project: Project) -> None:
    """In the CLI's words, before anything is changed."""
    file = project.root / "stacks" / "Pulumi.local.yaml"
    project.stack(registry={"authentication": {"password": {"environment": ..., "secure": "v1:AAAA:BBBB"}}})
    file.write_text(f"{file.read_text()}encryptionsalt: {SALT_OF_ANOTHER_PASSPHRASE}\n")
    failed(project.run("up", "--yes", PULUMI_CONFIG_PASSPHRASE="wrong"), 1, "incorrect passphrase")


def test_a_locked_state_is_reported_with_its_holder(project: Project, home: Path) -> None:
    project.stack(builder={"mode": "none"})
    project.up()
    locks = home / "state" / ".pulumi" / "locks" / "organization" / "mendix-registry" / "local"
    lock = locks / "11111111-2222-3333-4444-555555555555.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": 1, "username": "ann", "hostname": "other-host", "timestamp": "2026-11-25T00:00:00Z"}
    lock.write_text(json.dumps(holder))
    failed(project.run("up", "--yes", "--skip-preview"), 1, "locked", "ann", "other-host", "pulumi cancel")
    lock.unlink()
    project.up()


def test_an_unreachable_cluster_is_reported_with_its_address(
    project: Project, kubeconfig: Path, tmp_path: Path
) -> None:
    """The kubeconfig names a server that nobody answers: said at once, with the address."""
    project.stack(cluster={"kubeconfig": {"file": str(tmp_path / "kubeconfig")}})
    good = kubeconfig.read_text()
    lines = ["    server: https://127.0.0.1:1" if "server:" in line else line for line in good.splitlines()]
    (tmp_path / "kubeconfig").write_text("\n".join(lines))
    failed(project.run("up", "--yes", "--skip-preview"), 1, "127.0.0.1:1", "unreachable")


def test_a_wrong_password_of_the_registry(project: Project) -> None:
    project.stack(registry={"authentication": {"password": {"environment": "WRONG"}}})
    failed(
        project.run("up", "--yes", "--skip-preview", WRONG="not-the-password"),
        1,
        "The push to registry.mendix-rehearsal.svc.cluster.local:5000/mendixapps/orders",
        "rejects user or password",
        "registry.authentication",
    )
    project.stack()
    assert project.deployed().pushed


def test_an_unknown_authority_fails_the_push_with_its_remedy(project: Project) -> None:
    project.stack(registry={"transport": {"caCertificate": ..., "insecure": False}})
    failed(
        project.run("up", "--yes", "--skip-preview"),
        1,
        "authority that is not known",
        "registry.transport.caCertificate",
    )


def test_a_plain_http_registry_never_receives_the_password(project: Project, cluster: Cluster) -> None:
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
    failed(
        project.run("up", "--yes", "--skip-preview", PW="pw", CLIENT=image),
        1,
        "plain http",
        "registry.transport.insecure",
    )


def test_full_disk_while_the_state_is_written(project: Project, home: Path) -> None:
    state = home / "state"
    state.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(state)], check=True)
    try:
        project.up()
        ballast = state / "ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], capture_output=True, check=False)
        project.stack(namespaces=[{"name": "orders", "create": True}, {"name": "invoices", "create": True}])
        failed(project.run("up", "--yes", "--skip-preview"), 1, "no space left on device")
        ballast.unlink()
        done = project.run("up", "--yes", "--skip-preview")
        # Of what is left on the disk after the CLI's last attempt, the state is whole or the one before takes its place.
        assert done.returncode == 0 and "Recovered from an update" in done.stdout, done.stdout + done.stderr
        assert project.run("up", "--yes", "--skip-preview", "--expect-no-changes").returncode == 0
        assert project.run("destroy", "--yes", "--skip-preview").returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def test_control_c_in_the_middle(project: Project, api: kr8s.Api) -> None:
    process = project.start("up", "--yes", "--skip-preview")
    assert process.stdout is not None
    for line in process.stdout:
        if "orders-proof" in line:
            break
    # As a terminal does it: to all processes of its foreground group.
    os.killpg(process.pid, signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 1, rest + errors
    project.up()
    assert len(list(kr8s.get("jobs", namespace="orders", api=api))) == 2


def test_a_corrected_stack_file_deploys_after_a_rejected_one(project: Project) -> None:
    """``creat`` for ``create``: the rehearsal makes the namespace as a prerequisite, and the corrected stack finds it there."""
    name = f"slip-{secrets.token_hex(3)}"
    project.stack(namespaces=[{"name": name, "creat": True}], builder={"mode": "none"})
    failed(project.run("up", "--yes", "--skip-preview"), 2, "Did you mean 'create'?")
    project.stack(namespaces=[{"name": name, "create": True}], builder={"mode": "none"})
    assert project.deployed().changes["create"] > 0
