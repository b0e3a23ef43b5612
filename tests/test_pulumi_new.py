"""``pulumi new`` by the real CLI, with a clone of this repository as the template."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.pulumi_cli import PulumiProject

TEMPLATE = yaml.safe_load((ROOT / "Pulumi.yaml").read_text()).get("template")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        TEMPLATE is None, reason="a project that pulumi new made is no template: the CLI deletes the section"
    ),
]

MADE_HERE = shutil.ignore_patterns(
    *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if not line.startswith("#")), ".git"
)
"""What a fresh clone does not have."""


class Cli(PulumiProject):
    """The CLI in a directory of its own; what it installs is really installed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, {"UV_PYTHON": sys.executable, "REGISTRY_PASSWORD": "of no registry"})
        del self.environment["UV_NO_INSTALL_WORKSPACE"]

    def new(self, template: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Makes a project in ``projects/NAME`` without a question."""
        directory = self.root / "projects" / name
        command = [self.cli, "new", template, "--dir", directory, "--name", name, "--yes", "--non-interactive"]
        return subprocess.run(
            [*command, *arguments], env=self.environment, cwd=self.root, capture_output=True, text=True, timeout=300
        )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository as a fresh clone has it, with the changes that are not committed yet."""
    shutil.copytree(ROOT, tmp_path / "clone", ignore=MADE_HERE)
    # Never a part of a project that is made of it.
    (tmp_path / "clone" / ".git").mkdir()
    (tmp_path / "clone" / ".git" / "config").write_text("")
    return tmp_path / "clone"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "cli")


def test_a_project_of_another_name_previews_its_stack_file(clone: Path, cli: Cli) -> None:
    name = "registries"
    done = cli.new(clone, name, "--stack", "dev")
    assert done.returncode == 0, done.stdout + done.stderr
    quickstart = TEMPLATE["quickstart"]
    assert quickstart.strip() in done.stdout

    cli.root = cli.root / "projects" / name
    project = yaml.safe_load((cli.root / "Pulumi.yaml").read_text())
    assert (project["name"], project["stackConfigDir"]) == (name, "stacks")
    assert "template" not in project
    assert not (cli.root / ".git").exists()
    assert (cli.root / "Makefile").read_text() == (ROOT / "Makefile").read_text()
    assert (cli.root / ".ci" / "run").stat().st_mode & 0o100

    # Nothing has been configured yet: the program reports that, not a step of the CLI before it.
    empty = cli.run("preview", "--stack", "dev", check=False)
    assert empty.returncode != 0
    for key in ("registry", "namespaces"):
        assert f"config.mendix-registry:{key}" in empty.stdout

    # The steps that the quickstart shows, with the two values that depend on the user.
    steps = [words for line in quickstart.splitlines() if len(words := line.split()) > 1 and words[0][0].isdigit()]
    assert [step[1] for step in steps] == ["cp", "Edit", "pulumi"]
    subprocess.run(steps[0][1:], cwd=cli.root, check=True)
    image = f"example.com/krane:debug@sha256:{'0' * 64}"
    cli.run("config", "set", "--stack", "dev", "--path", "mendix-registry:builder.image", image)
    password = "mendix-registry:registry.authentication.password"
    cli.run("config", "set", "--stack", "dev", "--secret", "--path", password, "of no registry")
    steps_made = cli.preview("dev")["steps"]
    assert {"mendix-orders", "mendix-billing"} <= {step["urn"].rsplit("::", 1)[1] for step in steps_made}
    assert all(f"::{name}::" in step["urn"] for step in steps_made)


def test_a_clone_with_an_environment_is_no_template(clone: Path, cli: Cli) -> None:
    """The reason for what README.md says: the CLI copies every file but those in `.git`."""
    (clone / ".venv").mkdir()
    (clone / ".venv" / "lib64").symlink_to(".")
    done = cli.new(clone, "registries", "--generate-only")
    assert done.returncode != 0
    assert ".venv/lib64: is a directory" in done.stderr
    subprocess.run(["make", "-C", clone, "clean"], check=True, capture_output=True)
    done = cli.new(clone, "registries", "--generate-only", "--force")
    assert done.returncode == 0, done.stdout + done.stderr
