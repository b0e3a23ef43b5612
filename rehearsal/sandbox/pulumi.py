"""Pulumi's CLI in the sandbox: its home with the plugins, its state, its passphrase, and how a command of it is run.

Nothing of the user's is touched: not the plugins in ``~/.pulumi``, not the backend that is logged in, not the stack file.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from rehearsal.cluster.paths import write_atomically
from rehearsal.provider_plugins.installation import install_plugins
from rehearsal.sandbox.home import registry_password
from rehearsal.sandbox.locks import locks
from rehearsal.sandbox.project import Project
from rehearsal.sandbox.setting import Stage
from rehearsal.sandbox.stack_copy import StackCopy, copy_stack_file
from rehearsal.sandbox.state_file import StateFile
from rehearsal.toolchain.pulumi_tools import KUBERNETES_PROVIDER_VERSION, PulumiTools

_PASSPHRASE_BYTES = 24
_OWN_BACKEND = ("PULUMI_ACCESS_TOKEN", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_HOME", "PULUMI_STACK")


class PulumiError(Exception):
    """A command of the CLI that prepares the sandbox has failed; the text has its words."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One stack of a project in the sandbox.

    ``additions`` are the variables that make any ``pulumi`` command work on it.
    """

    cli: Path
    project: Project
    stack: str
    stage: Stage
    copy: StackCopy
    additions: Mapping[str, str]
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for the CLI: this process's, without what would lead it to another backend."""
        inherited = {name: value for name, value in os.environ.items() if name not in _OWN_BACKEND}
        return {**inherited, **self.additions}

    @property
    def event_log(self) -> Path:
        """Where the CLI writes what a change does. Left where that did not end well."""
        return self.home / "stacks" / self.project.name / f"{self.stack}.events"

    @property
    def state_file(self) -> StateFile:
        """The file with the stack's state."""
        return StateFile(self.home / "state" / ".pulumi" / "stacks" / self.project.name / f"{self.stack}.json")

    def command(self, verb: str, *arguments: str) -> list[str]:
        """A command on the stack with its configuration, such as ``up``."""
        return [str(self.cli), verb, "--stack", self.stack, "--config-file", str(self.copy.path), *arguments]

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command of the CLI to its end; what it prints on standard output. Raises PulumiError with its words."""
        done = subprocess.run(  # noqa: S603 - an argument list made here, no shell
            [str(self.cli), *arguments, "--non-interactive"],
            cwd=directory or self.project.root,
            env=environment or self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PulumiError(f"`pulumi {shlex.join(arguments)}` failed:\n{(done.stderr or done.stdout).strip()}")
        return done.stdout

    def exists(self) -> bool:
        """Whether the stack is in the state. A backup (``.bak``) outlives it."""
        path = self.state_file.path
        return any(path.with_name(f"{path.name}{packed}").is_file() for packed in ("", ".gz", ".zst"))


def prepare(
    home: Path, project: Project, stack: str, stage: Stage, tools: PulumiTools, uv: Path, environ: Mapping[str, str]
) -> Sandbox:
    """Make what the CLI needs for a stack: plugins, state, passphrase, the stack itself. Idempotent.

    Raises PulumiError, or UsageError for a stack file that cannot be read.
    """
    _install(home / "pulumi", stage.packages, tools, environ)
    (home / "state").mkdir(exist_ok=True, mode=0o700)
    passphrase = home / "passphrase"
    if not passphrase.is_file():
        write_atomically(passphrase, secrets.token_urlsafe(_PASSPHRASE_BYTES))
    directory = home / "stacks" / project.name
    theirs = {name: value for name, value in environ.items() if value != str(passphrase)}
    copy = copy_stack_file(project, stack, directory, theirs)
    additions = {
        **stage.environment,
        **_location(home),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PATH": os.pathsep.join((str(tools.cli.parent), str(uv), environ.get("PATH", os.defpath))),
    }
    if (project.root / ".venv").resolve() == Path(sys.prefix).resolve():
        # Pulumi's language host installs the program's project at each run. This interpreter has it, and a copy of the project that
        # shares its environment must not become what is installed there.
        additions["UV_NO_INSTALL_WORKSPACE"] = "1"
    sandbox = Sandbox(tools.cli, project, stack, stage, copy, additions, home)
    if not sandbox.exists() or not copy.has_salt:
        _initialize(sandbox, directory)
    if copy.fresh:
        for key in copy.secrets:
            value = _opened(sandbox, key, theirs) if copy.opened else _made_up(key, home, stage)
            sandbox.run("config", "set", "--path", "--secret", key, "--stack", stack, stdin=value, directory=directory)
        copy.complete()
    return sandbox


def _install(pulumi_home: Path, packages: Sequence[str], tools: PulumiTools, environ: Mapping[str, str]) -> None:
    plugins = pulumi_home / "plugins"
    for directory in (pulumi_home, plugins):
        directory.mkdir(exist_ok=True, mode=0o700)
    install_plugins(plugins, [package for package in packages if package != "kubernetes"])
    name = f"resource-kubernetes-v{KUBERNETES_PROVIDER_VERSION}"
    if tools.kubernetes_provider is not None:
        (plugins / name).mkdir(exist_ok=True)
        _link(plugins / name / "pulumi-resource-kubernetes", tools.kubernetes_provider)
        return
    theirs = Path(environ.get("PULUMI_HOME") or "~/.pulumi").expanduser() / "plugins" / name
    # In a shell with the exports of `rehearse env` theirs are the sandbox's own.
    if theirs.is_dir() and theirs.resolve() != (plugins / name).resolve():
        _link(plugins / name, theirs)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target)


def _initialize(sandbox: Sandbox, directory: Path) -> None:
    """Create the stack, which writes the salt of its passphrase into the copy."""
    # `stack init` knows no --config-file: it finds the copy beside a project file.
    write_atomically(directory / "Pulumi.yaml", f"name: {sandbox.project.name}\nruntime: python\n")
    if sandbox.exists():
        # The copy is gone, or a command was killed before it wrote the salt. The state has it, unless it is empty.
        exported: Any = json.loads(sandbox.run("stack", "export", "--stack", sandbox.stack, directory=directory))
        provider: Any = exported["deployment"].get("secrets_providers") or {}
        if salt := provider.get("state", {}).get("salt"):
            text = sandbox.copy.path.read_text(encoding="utf-8").rstrip()
            write_atomically(sandbox.copy.path, f"{text}\nencryptionsalt: {salt}\n")
            return
        sandbox.run("stack", "rm", sandbox.stack, "--yes", "--preserve-config", directory=directory)
    for lock in locks(sandbox.home / "state", sandbox.project.name, sandbox.stack):
        # Of a creation that was killed. `cancel` knows no stack that is not there.
        if not lock.held():
            lock.path.unlink()
    sandbox.run("stack", "init", sandbox.stack, "--no-select", directory=directory)


def _opened(sandbox: Sandbox, key: str, theirs: Mapping[str, str]) -> str:
    """The value of a secret of the user's stack file, by the user's passphrase. Raises PulumiError for a wrong one."""
    with tempfile.TemporaryDirectory(prefix="secrets-", dir=sandbox.home) as folder:
        directory = Path(folder)
        shutil.copy(sandbox.copy.source, directory)
        write_atomically(directory / "Pulumi.yaml", f"name: {sandbox.project.name}\nruntime: python\n")
        own = {name: value for name, value in theirs.items() if name.startswith("PULUMI_CONFIG_PASSPHRASE")}
        kept = {
            name: value
            for name, value in sandbox.environment.items()
            if not name.startswith("PULUMI_CONFIG_PASSPHRASE")
        }
        found = sandbox.run(
            "config", "get", "--path", key, "--stack", sandbox.stack, directory=directory, environment={**kept, **own}
        )
    return found.removesuffix("\n")


def _made_up(key: str, home: Path, stage: Stage) -> str:
    """A value of the sandbox for a secret that cannot be opened here."""
    kubeconfig = stage.described.settings["cluster"]["kubeconfig"]
    if isinstance(kubeconfig, dict) and kubeconfig == {"secret": True, "config": key}:
        return stage.cluster.kubeconfig.read_text(encoding="utf-8")
    # The sandbox's registry has one user, whose password this is; for anything else it is as good as any other secret.
    return registry_password(home)


def listed_stacks(home: Path, project: Project, tools: PulumiTools, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """The project's stacks in the sandbox's state, as ``pulumi stack ls --json`` lists them."""
    if not (home / "state" / ".pulumi").is_dir():
        return []
    done = subprocess.run(  # noqa: S603 - an argument list made here, no shell
        [str(tools.cli), "stack", "ls", "--json", "--non-interactive"],
        cwd=project.root,
        env={**environ, **_location(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PulumiError(f"`pulumi stack ls` failed:\n{done.stderr.strip()}")
    return cast("list[dict[str, Any]]", json.loads(done.stdout))


def _location(home: Path) -> dict[str, str]:
    """Where state and plugins are."""
    return {
        # The library behind a file:// backend writes a sidecar beside each file, not atomically: a kill in the middle of it makes
        # the state unreadable.
        "PULUMI_BACKEND_URL": f"file://{quote(str(home / 'state'))}?metadata=skip",
        "PULUMI_HOME": str(home / "pulumi"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
