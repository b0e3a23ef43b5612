"""Commands up to the point where a cluster would be needed: use, configuration, exit statuses, standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rehearsal.cli.main import app
from rehearsal.cli.selection import UsageError, choose_stack

UPDATES = ("up", "preview", "refresh", "destroy")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("REHEARSAL_HOME", "PULUMI_STACK", "PULUMI_BACKEND_URL", "PULUMI_SKIP_CONFIRMATIONS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct horse")
    (tmp_path / "Pulumi.yaml").write_text("name: example\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.one.yaml").write_text("config: {}\n")
    return tmp_path


def _run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--no-such-option"],
        ["up", "unexpected"],
        ["up", "--parallel", "0"],
        ["up", "--parallel", "many"],
        ["up", "--cwd", "/nowhere/at/all"],
        ["bring-up"],
        ["preview", "--yes"],
    ],
)
def test_wrong_use_is_status_2_and_says_so_on_standard_error(arguments: list[str]) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


@pytest.mark.parametrize("command", UPDATES)
def test_outside_a_project(command: str, tmp_path: Path) -> None:
    result = _run(command, "--cwd", str(tmp_path))
    assert result.exit_code == 2
    assert "Pulumi.yaml" in result.stderr


@pytest.mark.parametrize("command", UPDATES)
def test_no_such_stack_lists_the_ones_there_are(command: str, project: Path) -> None:
    result = _run(command, "--cwd", str(project), "--stack", "two")
    assert result.exit_code == 2
    assert "two" in result.stderr
    assert "one" in result.stderr
    assert result.stdout == ""


def test_a_broken_stack_file_is_told_with_its_place(project: Path) -> None:
    (project / "stacks" / "Pulumi.one.yaml").write_text("config:\n  a: [1,\n")
    result = _run("preview", "--cwd", str(project))
    assert result.exit_code == 2
    assert "Pulumi.one.yaml:" in result.stderr


@pytest.mark.parametrize("command", ["up", "refresh", "destroy"])
def test_nobody_to_ask_is_refused_before_anything_starts(command: str, project: Path) -> None:
    result = _run(command, "--cwd", str(project))
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert not (project / ".rehearsal").exists()


def test_a_value_is_encrypted_from_standard_input(project: Path) -> None:
    result = _run("encrypt", "--cwd", str(project), stdin="hunter2\n")
    assert result.exit_code == 0
    assert result.stdout.startswith("secure: v1:")
    assert "hunter2" not in result.output
    again = _run("encrypt", "--cwd", str(project), stdin="hunter2\n")
    assert again.stdout != result.stdout, "the same nonce was used twice"


def test_a_wrong_passphrase_is_status_2(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run("encrypt", "--cwd", str(project), stdin="x").exit_code == 0
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    result = _run("encrypt", "--cwd", str(project), stdin="x")
    assert result.exit_code == 2
    assert "passphrase" in result.stderr


def test_no_value_to_encrypt(project: Path) -> None:
    result = _run("encrypt", "--cwd", str(project), stdin="")
    assert result.exit_code == 2
    assert "stdin" in result.stderr or "pipe" in result.stderr


@pytest.mark.parametrize(
    ("named", "stacks", "environ", "chosen"),
    [
        ("b", ["a", "b"], {"PULUMI_STACK": "a"}, "b"),
        (None, ["a", "b"], {"PULUMI_STACK": "a"}, "a"),
        (None, ["prod"], {}, "prod"),
        (None, ["aws", "local", "prod"], {}, "local"),
    ],
)
def test_the_stack_that_is_meant(named: str | None, stacks: list[str], environ: dict[str, str], chosen: str) -> None:
    assert choose_stack(named, stacks, environ) == chosen


@pytest.mark.parametrize("stacks", [[], ["aws", "prod"]])
def test_a_stack_is_never_guessed(stacks: list[str]) -> None:
    with pytest.raises(UsageError):
        choose_stack(None, stacks, {})


def test_help_needs_neither_grpc_nor_the_cluster_room() -> None:
    """An unchanged `up` has five seconds; what the start costs is paid by every command."""
    code = (
        "import sys, rehearsal.cli.main\n"
        "heavy = {'grpc', 'pulumi', 'rehearsal.engine.update', 'rehearsal.cluster', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported at start: {heavy}' if heavy else 0)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("command", [*UPDATES, "status", "down", "doctor", "encrypt"])
def test_each_command_explains_itself_within_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


@pytest.mark.parametrize("command", ["up", "preview"])
def test_a_directory_that_is_no_policy_pack_is_refused_before_anything_starts(command: str, project: Path) -> None:
    result = _run(
        command, *(["--yes"] if command == "up" else []), "--cwd", str(project), "--policy-pack", str(project)
    )
    assert result.exit_code == 2
    assert "PulumiPolicy.yaml" in result.stderr
    assert not (project / ".rehearsal").exists()


def test_policy_configurations_without_their_packs_are_refused(project: Path, tmp_path: Path) -> None:
    """By position, as with the CLI: one too few would configure the wrong pack."""
    configuration = tmp_path / "policies.json"
    configuration.write_text("{}")
    result = _run("preview", "--cwd", str(project), "--policy-pack-config", str(configuration))
    assert result.exit_code == 2
    assert "--policy-pack-config was given 1 times" in result.stderr


def test_a_purge_leaves_nothing_of_the_rehearsal_and_everything_of_others(project: Path) -> None:
    """The password of the stand-in clouds stayed behind."""
    home = project / ".rehearsal"
    home.mkdir()
    for name in ("clouds.json", "clouds-password", "registry-password", "passphrase", "notes.txt"):
        (home / name).write_text("a secret")
    assert _run("down", "--purge", "--yes", "--cwd", str(project)).exit_code == 0
    assert [path.name for path in home.iterdir()] == ["notes.txt"]
