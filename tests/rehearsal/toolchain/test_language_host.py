"""The language host that is built where the machine has no Pulumi, asked over its protocol as the CLI asks it.

What it shall do is what Pulumi's own host does: versions by the table of Pulumi's test of the same function.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeStub

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.go_program import ensure_program
from rehearsal.toolchain.programs import PULUMI, PULUMI_VERSION
from rehearsal.toolchain.uv import ensure_uv

pytestmark = pytest.mark.slow

ENVIRONMENT = str(Path(sys.prefix))
BAIL = 32


@pytest.fixture(scope="module")
def built() -> Path:
    return ensure_program(PULUMI, cache_directory(), lambda _: None).with_name("pulumi-language-python")


@contextmanager
def serving(
    executable: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[LanguageRuntimeStub]:
    with subprocess.Popen(
        [executable, *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            # What the program prints is not read further: a full pipe would hold it up.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield LanguageRuntimeStub(channel)
        finally:
            process.kill()


@pytest.fixture
def engine() -> Iterator[str]:
    """The address of an engine that lives and has nothing to say."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
def host(built: Path, tmp_path: Path, engine: str) -> Iterator[LanguageRuntimeStub]:
    """The host with a script in place of Pulumi's, which writes down how it was started and ends as its program's name says."""
    directory = tmp_path / "host"
    directory.mkdir()
    shutil.copy(built, directory)
    (directory / "pulumi-language-python-exec").write_text(
        "import json, os, sys, time\n"
        f"kept = {{name: os.environ.get(name) for name in ('PULUMI_CONFIG', 'PULUMI_CONFIG_SECRET_KEYS', 'VIRTUAL_ENV')}}\n"
        f"file = {str(tmp_path / 'started.json')!r}\n"
        "open(file + '.new', 'w').write(json.dumps([sys.argv[1:], kept]))\n"
        "os.rename(file + '.new', file)\n"
        "end = sys.argv[-1]\n"
        "time.sleep(60) if end == 'sleeps' else os.abort() if end == 'aborts' else sys.exit(int(end))\n"
    )
    with serving(directory / built.name, engine) as stub:
        yield stub


def info(directory: Path, **options: Any) -> language_pb2.ProgramInfo:
    struct = Struct()
    struct.update(options or {"toolchain": "pip", "virtualenv": ENVIRONMENT})
    return language_pb2.ProgramInfo(
        root_directory=str(directory), program_directory=str(directory), entry_point=".", options=struct
    )


def request(directory: Path, program: str, **more: Any) -> language_pb2.RunRequest:
    return language_pb2.RunRequest(
        project="fruit", stack="dev", pwd=str(directory), info=info(directory), args=[program], parallel=4, **more
    )


# -- programs ----------------------------------------------------------------------------------------------------------


def test_a_program_starts_with_no_secret_on_command_lines(
    host: LanguageRuntimeStub, tmp_path: Path, engine: str
) -> None:
    asked = request(
        tmp_path,
        "0",
        config={"fruit:colour": "red", "fruit:key": "hush"},
        configSecretKeys=["fruit:key"],
        monitor_address="127.0.0.1:2",
        dryRun=True,
        organization="organization",
    )
    assert host.Run(asked) == language_pb2.RunResponse()
    arguments, environment = json.loads((tmp_path / "started.json").read_text())
    assert arguments[-2:] == [".", "0"]
    assert dict(zip(arguments[:-2:2], arguments[1:-2:2], strict=True)) == {
        "--monitor": "127.0.0.1:2",
        "--engine": engine,
        "--project": "fruit",
        "--root_directory": str(tmp_path),
        "--stack": "dev",
        "--pwd": str(tmp_path),
        "--dry_run": "true",
        "--parallel": "4",
        "--organization": "organization",
    }
    assert json.loads(environment["PULUMI_CONFIG"]) == {"fruit:colour": "red", "fruit:key": "hush"}
    assert json.loads(environment["PULUMI_CONFIG_SECRET_KEYS"]) == ["fruit:key"]
    assert environment["VIRTUAL_ENV"] == ENVIRONMENT
    assert "hush" not in " ".join(arguments)


def test_a_stack_without_configuration_has_an_empty_one(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    host.Run(request(tmp_path, "0"))
    _, environment = json.loads((tmp_path / "started.json").read_text())
    assert (environment["PULUMI_CONFIG"], environment["PULUMI_CONFIG_SECRET_KEYS"]) == ("{}", "[]")


@pytest.mark.parametrize(
    ("end", "bail", "error"),
    [
        ("0", False, ""),
        (str(BAIL), True, ""),
        ("1", False, "the program exited with code 1"),
        ("aborts", False, "the program was ended by signal: aborted"),
    ],
)
def test_how_a_program_ended_is_what_the_engine_learns(
    host: LanguageRuntimeStub, tmp_path: Path, end: str, bail: bool, error: str
) -> None:
    answer = host.Run(request(tmp_path, end))
    assert (answer.bail, answer.error.removesuffix(" (core dumped)")) == (bail, error)


def test_cancel_ends_a_program_that_runs(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    running = host.Run.future(request(tmp_path, "sleeps"))
    watch = (tmp_path / "started.json").exists
    while not watch() and not running.done():
        threading.Event().wait(0.02)
    host.Cancel(empty_pb2.Empty())
    assert running.result(timeout=20).error == "the program was cancelled"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"toolchain": "conda"}, 'toolchain "conda" of Pulumi.yaml is none of pip, poetry, uv'),
        ({"toolchain": 1.0}, "runtime option toolchain of Pulumi.yaml is 1, and has to be text"),
        ({"toolchain": "pip", "typechecker": "mypy"}, "this language host runs no type checker"),
        ({"toolchain": "pip", "virtualenv": "absent"}, "The 'virtualenv' option in Pulumi.yaml is set to \"absent\""),
    ],
)
def test_options_that_it_cannot_follow_are_not_passed_over(
    host: LanguageRuntimeStub, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    asked = request(tmp_path, "0")
    asked.info.CopyFrom(info(tmp_path, **options))
    with pytest.raises(grpc.RpcError) as caught:
        host.Run(asked)
    assert said in caught.value.details()  # type: ignore[attr-defined]


def test_a_debugger_is_declined_with_a_way_out(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    assert "install Pulumi" in host.Run(request(tmp_path, "0", attach_debugger=True)).error


def test_it_ends_soon_after_an_engine_that_was_killed(built: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        process = subprocess.Popen([built, f"127.0.0.1:{nobody.getsockname()[1]}"], stdout=subprocess.DEVNULL)
        assert process.wait(timeout=30) == 0


def test_the_host_reports_what_is_missing_without_waiting(built: Path, tmp_path: Path) -> None:
    shutil.copy(built, tmp_path)
    done = subprocess.run([tmp_path / built.name], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "pulumi-language-python-exec" in done.stderr


def test_the_host_has_the_clis_version_with_older_calls(built: Path) -> None:
    flags = ("-tracing", "", "-root", "/", "-virtualenv", "venv", "-toolchain", "uv", "-typechecker", "none")
    with serving(built, *flags) as stub:
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == f"v{PULUMI_VERSION}"


# -- plugins -----------------------------------------------------------------------------------------------------------


def plugin_says(stub: LanguageRuntimeStub, directory: Path, kind: str = "resource") -> tuple[str, str, int]:
    asked = language_pb2.RunPluginRequest(
        pwd=str(directory), args=["address"], env=["FRUIT=apple"], info=info(directory), kind=kind
    )
    output, errors, code = b"", b"", 0
    for part in stub.RunPlugin(asked):
        output, errors, code = output + part.stdout, errors + part.stderr, code or part.exitcode
    return output.decode(), errors.decode(), code


def test_a_plugins_environment_output_and_end_are_passed_through(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\n"
        "print(sys.prefix, sys.argv[1:], os.environ['FRUIT'], os.getcwd())\nprint('a problem', file=sys.stderr)\nsys.exit(3)\n"
    )
    output, errors, code = plugin_says(host, tmp_path)
    assert (output, code) == (f"{ENVIRONMENT} ['address'] apple {tmp_path}\n", 3)
    assert "a problem" in errors


def test_what_is_no_plugin_is_not_run(host: LanguageRuntimeStub, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        plugin_says(host, tmp_path)
    assert "neither a __main__.py nor a pyproject.toml" in caught.value.details()  # type: ignore[attr-defined]


# -- packages ----------------------------------------------------------------------------------------------------------

VERSIONS = {
    "0.1": "v0.1.0",
    "1.0.0": "v1.0.0",
    "4.3.2.1": "v4.3.2.1",
    "2.1a123456789": "v2.1.0-alpha.123456789",
    "1.2.3b123456": "v1.2.3-beta.123456",
    "3.2.1rc654321": "v3.2.1-rc.654321",
    "1.2.3.dev456": "v1.2.3+dev456",
    "1.2.3.post456": "v1.2.3+post456",
    "1.2.3.post456.dev789": "v1.2.3+post456dev789",
}
"""Of Python packages and their plugins, by TestDeterminePluginVersion of Pulumi's own host."""


def wheel(directory: Path, name: str, version: str, plugin: dict[str, Any] | None = None) -> None:
    """A Python package with nothing in it but what says which plugin it belongs to."""
    module = name.replace("-", "_")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{module}/__init__.py", "")
        if plugin is not None:
            archive.writestr(f"{module}/pulumi-plugin.json", json.dumps(plugin))
        described = f"{module}-{version}.dist-info"
        archive.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{described}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{described}/RECORD", "")
    (directory / f"{module}-{version}-py3-none-any.whl").write_bytes(content.getvalue())


def test_a_programs_plugins_are_those_of_its_sdks(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By uv, without a network; a group that is not installed counts for nothing."""
    wheels, project = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    project.mkdir()
    expected = {}
    for number, (version, plugin_version) in enumerate(VERSIONS.items()):
        wheel(wheels, f"pulumi-fruit{number}", version)
        expected[f"fruit{number}"] = plugin_version
    wheel(wheels, "sdk-of-tea", "1.0.0", {"resource": True, "name": "tea", "version": "7.6.5", "server": "https://tea"})
    expected["tea"] = "v7.6.5"
    wheel(wheels, "pulumi-cup", "2.0.0", {"resource": True})
    expected["cup"] = "v2.0.0"
    bound = {"name": "bound", "version": "0.9.0", "value": "dmFsdWU="}
    wheel(
        wheels,
        "pulumi-bound",
        "3.0.0",
        {"resource": True, "name": "base", "version": "1.1.1", "parameterization": bound},
    )
    expected["base"] = "v1.1.1"
    wheel(wheels, "pulumi-only-code", "1.0.0", {"resource": False})
    wheel(wheels, "pulumi-policy", "1.20.0")
    wheel(wheels, "other", "1.0.0")
    wheel(wheels, "pulumi-elsewhere", "1.0.0")
    names = [file.name.split("-")[0].replace("_", "-") for file in wheels.iterdir()]
    names.remove("pulumi-elsewhere")
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "program"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = {json.dumps(names)}\n'
        '[dependency-groups]\nelsewhere = ["pulumi-elsewhere"]\n'
        f'[tool.uv]\nno-index = true\nfind-links = ["{wheels}"]\nprerelease = "allow"\n'
    )
    uv = ensure_uv(cache_directory(), lambda _: None)
    variables = {
        "PATH": f"{uv}{os.pathsep}{os.environ['PATH']}",
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    subprocess.run(["uv", "sync", "--quiet"], cwd=project, check=True)
    with serving(built, environment=variables) as stub:
        asked = info(project, toolchain="uv", virtualenv=".venv")
        answer = stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=asked))
        listed = stub.GetProgramDependencies(
            language_pb2.GetProgramDependenciesRequest(info=asked, transitiveDependencies=True)
        )
        about = stub.About(language_pb2.AboutRequest(info=asked))
    assert {package.name: package.version for package in answer.packages} == expected
    found = {package.name: package for package in answer.packages}
    assert {package.kind for package in answer.packages} == {"resource"}
    assert found["tea"].server == "https://tea"
    assert found["base"].parameterization.name == "bound"
    assert found["base"].parameterization.value == b"value"
    assert {"other", "pulumi-only-code", "sdk-of-tea"} <= {dependency.name for dependency in listed.dependencies}
    assert about.executable == str(project / ".venv" / "bin" / "python")
    assert about.metadata["toolchain"] == "Uv"
