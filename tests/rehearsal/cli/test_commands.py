"""Commands up to the point where a cluster would be needed: use, configuration, exit statuses, standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rehearsal.cli.main import app
from rehearsal.sandbox.project import UsageError, choose_stack

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
        ["up", "--cwd", "/nowhere/at/all"],
        ["bring-up"],
        ["status", "--no-such-option"],
        ["prove", "unexpected"],
    ],
)
def test_wrong_use_exits_with_2_on_standard_error(arguments: list[str]) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


@pytest.mark.parametrize("command", UPDATES)
def test_outside_a_project_the_command_is_rejected(command: str, tmp_path: Path) -> None:
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


def test_a_broken_stack_file_is_reported_with_its_line(project: Path) -> None:
    (project / "stacks" / "Pulumi.one.yaml").write_text("config:\n  a: [1,\n")
    result = _run("preview", "--cwd", str(project))
    assert result.exit_code == 2
    assert "Pulumi.one.yaml:" in result.stderr


@pytest.mark.parametrize("command", ["up", "refresh", "destroy"])
def test_a_change_without_confirmation_is_rejected_before_the_start(command: str, project: Path) -> None:
    result = _run(command, "--cwd", str(project))
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert not (project / ".rehearsal").exists()


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


def test_help_imports_no_cluster_and_no_sdk() -> None:
    """An unchanged `up` has six seconds; what the start costs is paid by every command."""
    code = (
        "import sys, rehearsal.cli.main\n"
        "heavy = {'grpc', 'pulumi', 'rehearsal.cluster', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported at start: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [*UPDATES, "build", "env", "status", "down", "doctor"])
def test_each_command_explains_itself_within_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_a_purge_deletes_only_what_the_rehearsal_created(project: Path) -> None:
    """The password of the emulators stayed behind."""
    home = project / ".rehearsal"
    home.mkdir()
    for name in (
        "clouds.json",
        "clouds-password",
        "registry-password",
        "passphrase",
        "pulumi",
        "stacks",
        "environment",
        "temporary",
        "notes.txt",
    ):
        (home / name).write_text("a secret")
    assert _run("down", "--purge", "--yes", "--cwd", str(project)).exit_code == 0
    assert [path.name for path in home.iterdir()] == ["notes.txt"]
