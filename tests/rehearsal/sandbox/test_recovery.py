"""What is recovered of an update that was killed, and by which commands of the CLI; what is left alone."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from rehearsal.sandbox import recovery
from rehearsal.sandbox.project import Project
from rehearsal.sandbox.pulumi import PulumiError, Sandbox
from rehearsal.sandbox.recovery import Recovery, recover
from rehearsal.sandbox.state_file import StateFile

STACK = "prod"
ROLE = f"urn:pulumi:{STACK}::mendix-registry::mendix-registry:aws:Push$aws:iam/role:Role::orders"
PUSH = f"urn:pulumi:{STACK}::mendix-registry::mendix-registry:aws:Push::orders"
PROVIDER = f"urn:pulumi:{STACK}::mendix-registry::pulumi:providers:aws::default_7_51_1"
RESOURCES = [
    {"type": "mendix-registry:aws:Push", "urn": PUSH},
    {
        "type": "pulumi:providers:aws",
        "urn": PROVIDER,
        "id": "1",
        "inputs": {"region": "eu-west-1", "version": "7.51.1"},
    },
]
MADE = {
    "type": "aws:iam/role:Role",
    "urn": ROLE,
    "parent": PUSH,
    "provider": f"{PROVIDER}::1",
    "inputs": {"name": "mendix-orders"},
}


class Cli:
    """A sandbox whose CLI only says what it is told to."""

    def __init__(self, home: Path) -> None:
        self.home, self.stack = home, STACK
        self.project = Project(home / "Pulumi.yaml", "mendix-registry", home)
        self.additions = {"PULUMI_HOME": str(home / "pulumi")}
        self.event_log = home / "events"
        self.state_file = StateFile(home / "prod.json")
        self.state: dict[str, Any] = {"resources": RESOURCES}
        self.ran: list[tuple[str, ...]] = []
        self.imported: dict[str, Any] = {}
        self.failing = ""

    def recover(self) -> Recovery | None:
        return recover(cast("Sandbox", self))

    def command(self, verb: str, *arguments: str) -> list[str]:
        return ["pulumi", verb, *arguments]

    def run(self, *arguments: str, stdin: str = "", directory: Path | None = None) -> str:
        self.ran.append(arguments)
        if arguments[0] == self.failing:
            raise PulumiError("it does not work")
        if arguments[0] == "import":
            self.imported.update(json.loads(Path(arguments[-1]).read_text()))
        return json.dumps({"deployment": self.state})

    @property
    def verbs(self) -> list[str]:
        return [arguments[0] for arguments in self.ran]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the clouds answer; the questions are put into the list's place."""
    answers: list[dict[str, Any]] = []

    def ask(sandbox: Sandbox, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        given = list(answers)
        answers[:] = questions
        return given

    monkeypatch.setattr(recovery, "_ask_clouds", ask)
    return answers


def lock(cli: Cli, **changes: Any) -> None:
    directory = cli.home / "state" / ".pulumi" / "locks" / "organization" / "mendix-registry" / STACK
    directory.mkdir(parents=True)
    entry = {"pid": os.getpid(), "hostname": socket.gethostname(), "timestamp": datetime.now(UTC).isoformat()}
    (directory / "1.json").write_text(json.dumps({**entry, **changes}))


def gone() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def log(cli: Cli, *events: dict[str, Any]) -> None:
    cli.event_log.write_text("".join(json.dumps(event) + "\n" for event in events) + '{"resourcePre')


def cut_off(reason: str = "error reading from server: EOF\n") -> list[dict[str, Any]]:
    """The events of a creation that failed."""
    return [
        {"diagnosticEvent": {"urn": ROLE, "message": reason, "severity": "error"}},
        {"resOpFailedEvent": {"metadata": {"op": "create", "urn": ROLE, "type": MADE["type"], "new": MADE}}},
    ]


def test_where_all_ended_well_the_cli_is_not_called(cli: Cli) -> None:
    assert cli.recover() is None
    assert not cli.ran


@pytest.mark.parametrize("held", [{}, {"hostname": "another"}, {"hostname": "another", "pid": 1}])
def test_a_stack_that_is_being_updated_is_left_alone(cli: Cli, held: dict[str, Any]) -> None:
    lock(cli, **held)
    log(cli, *cut_off())
    assert cli.recover() is None
    assert not cli.ran


def test_the_lock_of_an_ended_process_is_removed(cli: Cli) -> None:
    lock(cli, pid=gone())
    assert cli.recover() == Recovery()
    assert cli.verbs == ["cancel", "stack"]


def test_a_reused_pid_does_not_hold_the_lock(cli: Cli) -> None:
    lock(cli, timestamp="2020-01-01T00:00:00.123456789Z")
    assert cli.recover() == Recovery()


def test_a_zombie_holder_counts_as_ended(cli: Cli) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        lock(cli, pid=process.pid)
        assert cli.recover() is None
        process.kill()
        wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        assert cli.recover() == Recovery()


def test_a_partly_written_lock_has_no_holder(cli: Cli) -> None:
    lock(cli)
    (path,) = (cli.home / "state").rglob("1.json")
    path.write_text("")
    assert cli.recover() == Recovery()


def test_pending_creations_are_imported_and_the_rest_cleared(cli: Cli, found: list[dict[str, Any]]) -> None:
    lock(cli, pid=gone())
    job = {"type": "kubernetes:batch/v1:Job", "urn": ROLE.replace("Role::", "Job::"), "inputs": {}}
    operations = [{"type": "creating", "resource": item} for item in (MADE, job)]
    cli.state["pending_operations"] = [*operations, {"type": "deleting", "resource": RESOURCES[0]}]
    found[:] = [{"id": "mendix-orders", "deleted": False}]
    assert cli.recover() == Recovery(["Role orders"], [], 3)
    assert cli.verbs == ["cancel", "stack", "import", "refresh"]
    assert "--clear-pending-creates" in cli.ran[-1]
    [question] = found
    assert question["inputs"] == MADE["inputs"] and question["settings"]["region"] == "eu-west-1"
    entry = {"type": MADE["type"], "name": "orders", "id": "mendix-orders", "parent": "name0", "version": "7.51.1"}
    assert cli.imported == {"nameTable": {"name0": PUSH}, "resources": [entry]}


@pytest.mark.parametrize("how", ["EOF", "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer"])
def test_a_dead_plugins_unfinished_creation_is_imported(cli: Cli, found: list[dict[str, Any]], how: str) -> None:
    """The CLI takes the creation for failed, and the state knows nothing of it."""
    log(cli, *cut_off(f"<{{%reset%}}>error reading from server: {how}<{{%reset%}}>\n"))
    found[:] = [{"id": "mendix-orders", "deleted": False}]
    assert cli.recover() == Recovery(["Role orders"], [], 1)
    assert cli.verbs == ["stack", "import", "refresh"]
    assert not cli.event_log.exists()


@pytest.mark.parametrize("newer", [True, False])
def test_a_truncated_state_is_replaced_and_later_resources_found(
    cli: Cli, found: list[dict[str, Any]], newer: bool
) -> None:
    """The backup that the CLI makes beside the state may be cut off, too."""
    state = cli.state_file.path
    state.write_text('{"version": 0}')
    cli.state_file.keep()
    state.unlink()  # as the CLI replaces it, which leaves the other name's content
    state.write_text('{"version": 3, "depl')
    backup = state.with_name("prod.json.bak")
    backup.write_text('{"version": 1}' if newer else "")
    known = {"resourcePreEvent": {"metadata": {"op": "create", "urn": PUSH, "new": RESOURCES[0]}}}
    log(cli, known, {"resourcePreEvent": {"metadata": {"op": "create", "urn": ROLE, "new": MADE}}})
    found[:] = [{"id": "mendix-orders", "deleted": False}]
    assert cli.recover() == Recovery(["Role orders"], [], 1, restored=True)
    assert json.loads(state.read_text()) == {"version": 1 if newer else 0}
    assert cli.verbs == ["stack", "import", "refresh"]


@pytest.mark.parametrize(
    "events",
    [
        cut_off('connection error: desc = "transport: Error while dialing: connection refused"'),
        cut_off("the registry answered: error reading from server: EOF"),
        cut_off("EntityAlreadyExists: Role with name mendix-orders already exists."),
    ],
)
def test_a_resource_that_failed_otherwise_may_be_anothers(cli: Cli, events: list[dict[str, Any]]) -> None:
    log(cli, *events)
    assert cli.recover() is None
    assert cli.verbs == ["stack"]


def test_a_failed_import_does_not_block_the_update(cli: Cli, found: list[dict[str, Any]]) -> None:
    log(cli, *cut_off())
    cli.failing = "import"
    found[:] = [{"id": "mendix-orders", "deleted": False}]
    done = cast("Recovery", cli.recover())
    assert "it does not work" in done.failed and not done.imported
    assert cli.verbs[-1] == "refresh"


def test_only_processes_of_the_ended_update_are_killed(cli: Cli, tmp_path: Path) -> None:
    lock(cli, pid=gone())
    plugin = tmp_path / "pulumi-resource-x"
    plugin.write_text("#!/bin/sh\nsleep 60\n")
    # A living CLI is recognized by its name.
    living = tmp_path / "pulumi"
    living.write_text(f"#!/bin/sh\n{plugin}\n")
    for script in (plugin, living):
        script.chmod(0o755)
    ours = {**os.environ, "PULUMI_HOME": cli.additions["PULUMI_HOME"]}
    shell = [shutil.which("sh") or "", "-c", '"$PLUGIN" & sleep 60']
    with (
        subprocess.Popen(shell, env={**ours, "PLUGIN": str(plugin)}, start_new_session=True) as left,
        subprocess.Popen([plugin], env={**os.environ, "PULUMI_HOME": "/another"}, start_new_session=True) as foreign,
        subprocess.Popen([living], env=ours, start_new_session=True) as updating,
    ):
        wait_for(lambda: len(psutil.Process(left.pid).children()) == 2 and children(updating))
        cli.recover()
        assert not any(
            "pulumi-resource-x" in " ".join(child.cmdline()) for child in psutil.Process(left.pid).children()
        )
        assert foreign.poll() is None and updating.poll() is None and children(updating)
        for process in (left, foreign, updating):
            os.killpg(process.pid, 9)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_for(condition: Any) -> None:
    deadline = datetime.now(UTC).timestamp() + 30
    while not condition():
        assert datetime.now(UTC).timestamp() < deadline
        subprocess.run([sys.executable, "-c", ""], check=True)
