"""Pulumi's own CLI on a copy of the project, with provider plugins that agree to everything: no cluster, no cloud, no sandbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.errors import Progress
from rehearsal.toolchain.go_program import GoProgram, ensure_program
from rehearsal.toolchain.pulumi_tools import ensure_pulumi
from rehearsal.toolchain.uv import ensure_uv

ROOT = Path(__file__).parents[1]
PLUGIN = GoProgram("pulumi-resource-agreeing", ROOT / "bench" / "plugin", described="a provider plugin that agrees")
SDKS = {name: version(f"pulumi-{name}") for name in ("aws", "azure-native", "gcp", "kubernetes")}
"""The provider packages that the components use, with the versions that their SDKs ask for."""
_HANGS_SECONDS = 600
_LINKED = ("__main__.py", "components", "fleet", "policy", "pyproject.toml", "rehearsal", "report", "uv.lock")


def _silent(progress: Progress) -> None:
    """Tests show no progress."""


class PulumiProject:
    """A copy of the project in ``root``, an empty directory, with a ``$PULUMI_HOME`` and a state of its own.

    A program of one's own takes the place of ``__main__.py``,
    which is a link: see :meth:`program`.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        cache = cache_directory()
        tools = ensure_pulumi(cache, _silent)
        directories = (tools.cli.parent, ensure_uv(cache, _silent))
        self.root = root
        self.cli = tools.cli
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": os.pathsep.join([*map(str, directories), os.environ["PATH"]]),
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_BACKEND_URL": f"file://{root}/state?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # A plugin that is missing is an error, not a download.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # The environment is the real project's, and stays so.
            "UV_NO_INSTALL_WORKSPACE": "1",
            **(environment or {}),
        }
        for name in ("stacks", "state"):
            (root / name).mkdir(parents=True)
        for name in _LINKED:
            (root / name).symlink_to(ROOT / name)
        (root / ".venv").symlink_to(sys.prefix)
        shutil.copy(ROOT / "Pulumi.yaml", root)
        for name, found in SDKS.items():
            self.install(name, found)

    def install(self, name: str, version: str) -> None:
        """Installs the agreeing plugin as the provider ``name``."""
        plugin = self.root / "home" / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        plugin.parent.mkdir(parents=True)
        plugin.symlink_to(ensure_program(PLUGIN, cache_directory(), _silent))

    def program(self, text: str) -> None:
        """Replaces the program by this one, which needs no configuration."""
        project = yaml.safe_load((self.root / "Pulumi.yaml").read_text())
        del project["config"]
        (self.root / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (self.root / "__main__.py").unlink()
        (self.root / "__main__.py").write_text(text)

    def stack(self, name: str, config: Mapping[str, Any]) -> None:
        """Makes a stack with this configuration."""
        (self.root / "stacks" / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": dict(config)}))
        self.run("stack", "init", name)

    def run(
        self, *arguments: str, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command of the CLI; with ``check``, to its success."""
        process = subprocess.Popen(
            [self.cli, *arguments, "--non-interactive"],
            cwd=self.root,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=_HANGS_SECONDS)
        except subprocess.TimeoutExpired:
            # A program in Go says then where it is.
            process.send_signal(signal.SIGQUIT)
            process.wait(10)
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            raise AssertionError(f"pulumi {' '.join(arguments)} hangs:\n{output}{errors}") from None
        done = subprocess.CompletedProcess(process.args, process.returncode, output, errors)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def preview(self, stack: str, *arguments: str) -> dict[str, Any]:
        """What ``pulumi preview --json`` prints."""
        return json.loads(self.run("preview", "--json", "--stack", stack, *arguments).stdout)

    def events(self, verb: str, stack: str, *arguments: str) -> list[dict[str, Any]]:
        """The engine's events of an operation, whether or not it succeeds."""
        log = self.root / "events.json"
        log.unlink(missing_ok=True)
        # The flag exists only with this variable, which changes nothing else.
        debugging = {"PULUMI_DEBUG_COMMANDS": "1"}
        done = self.run(verb, "--stack", stack, "--event-log", str(log), *arguments, check=False, environment=debugging)
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        assert any("summaryEvent" in event for event in events), done.stdout + done.stderr
        return events
