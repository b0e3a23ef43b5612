"""A project of Pulumi's own CLI whose cloud is an emulated AWS."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from rehearsal.cluster.paths import cache_directory
from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens
from rehearsal.provider_plugins.aws.cloud import Aws
from rehearsal.provider_plugins.installation import install_plugins
from rehearsal.toolchain.pulumi_tools import ensure_pulumi
from rehearsal.toolchain.uv import ensure_uv
from tests.rehearsal.serving import serving

REGION = "eu-west-1"
_ACCOUNTS = itertools.count(300000000100)
_PYPROJECT = '[project]\nname = "test"\nversion = "0"\nrequires-python = ">=3.11"\n[tool.uv]\npackage = false\n'


class Emulator:
    """An emulated AWS, which rejects the operation ``rejected``."""

    def __init__(self, data: Path) -> None:
        # What exists belongs to the process and an account, so each emulator has an account that is empty.
        self.account = str(next(_ACCOUNTS))
        registry = f"{self.account}.dkr.ecr.{REGION}.amazonaws.com"
        settings = AwsSettings(self.account, REGION, "aws", "amazonaws.com", (registry,))
        tokens = ClusterTokens("https://issuer.example", "", dict)
        self._cloud = AwsCloud(settings, tokens, data, propagation=0, decisions=DecisionLog())
        self.rejected = ""
        self.url = ""

    @property
    def client(self) -> Aws:
        """Another client of the same account."""
        return Aws({"region": REGION}, {"REHEARSAL_AWS_ENDPOINT": self.url})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
        if self.rejected and target.endswith(f".{self.rejected}"):
            headers = [(b"content-type", b"application/x-amz-json-1.1")]
            body = json.dumps({"__type": "AccessDeniedException", "message": "not today"}).encode()
            await send({"type": "http.response.start", "status": 400, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._cloud.api(scope, receive, send)


@dataclass
class Project:
    """A program, its stack ``dev`` and the CLI that deploys it."""

    directory: Path
    environment: dict[str, str]

    def write(self, program: str) -> None:
        (self.directory / "__main__.py").write_text("import pulumi\nimport pulumi_aws as aws\n\n" + program)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", "--non-interactive", "--color=never", *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str, fails: bool = False) -> str:
        """What a command prints; none of it is a warning."""
        process = self.start(*arguments)
        output = process.communicate(timeout=300)[0]
        assert (process.returncode != 0) == fails, output
        assert "warning" not in output and "prematurely" not in output, output
        return output


@pytest.fixture(scope="session")
def programs() -> str:
    """A PATH with the CLI and uv: the machine's own, or those that a rehearsal builds and installs."""
    cache = cache_directory()
    directories = [ensure_pulumi(cache, print).cli.parent, ensure_uv(cache, print)]
    return os.pathsep.join([*map(str, directories), os.environ["PATH"]])


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path / "cloud")
    with serving(emulator.answer, interface="asgi3") as emulator.url:
        yield emulator


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, programs: str) -> Project:
    directory, home, state = (tmp_path / name for name in ("project", "home", "state"))
    directory.mkdir()
    state.mkdir()
    options = json.dumps({"toolchain": "uv", "virtualenv": ".venv"})
    (directory / "Pulumi.yaml").write_text(f'name: test\nruntime: {{"name": "python", "options": {options}}}\n')
    (directory / "pyproject.toml").write_text(_PYPROJECT)
    install_plugins(home / "plugins", ["aws"])
    project = Project(
        directory,
        {
            **os.environ,
            "PATH": programs,
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "REHEARSAL_AWS_ENDPOINT": emulator.url,
        },
    )
    # An environment of its own, which the CLI may bring up to date, with the packages of this one.
    venv = directory / ".venv"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, venv], check=True, env=project.environment)
    packages = next(venv.glob("lib/python*/site-packages"))
    (packages / "project.pth").write_text(sysconfig.get_path("purelib"))
    project.pulumi("stack", "init", "dev")
    project.pulumi("config", "set", "aws:region", REGION)
    return project
