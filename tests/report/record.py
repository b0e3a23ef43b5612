"""``make record-previews``: records previews by the real CLI for the tests of the report.

Each is a directory below ``tests/report/recorded``: what the command printed (``preview.json``), its event log without debug
messages (``events.json``) and its exit status. The program is the project's own; plugins agree to everything, so that no cloud
is needed. All secrets are made up here; paths, times and ports are replaced by fixed ones.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import psutil
import yaml

from rehearsal.cluster.paths import cache_directory
from rehearsal.provider_plugins.installation import install_plugins
from rehearsal.toolchain.pulumi_tools import ensure_pulumi
from tests.pulumi_cli import ROOT, SDKS, PulumiProject
from tests.report.previews import subject, trust
from tests.report.registries import (
    ACR,
    ACR_ADMIN,
    ACR_TOKEN,
    ECR,
    ECR_POD_IDENTITY,
    ECR_STATIC,
    GAR,
    GENERIC,
    OPENSHIFT,
)

RECORDED = Path(__file__).parent / "recorded"
PASSWORD = "hunter2-of-the-registry"


class Recorder:
    """One case: a project of its own, and the command whose output is recorded."""

    def __init__(self, root: Path) -> None:
        self.project = PulumiProject(root / "project", {"REGISTRY_PASSWORD": PASSWORD})
        self.log = root / "events.json"

    def configure(
        self, registry: Mapping[str, Any], *namespaces: str, jobs: bool = False, stack: str = "prod", **more: Any
    ) -> None:
        """Write the stack file, with which the stack is made."""
        keys: dict[str, Any] = {
            "registry": dict(registry),
            "namespaces": [{"name": name} for name in namespaces],
            "cluster": {"context": stack},
            **({} if jobs else {"builder": {"mode": "none"}}),
            **more,
        }
        config = {f"mendix-registry:{key}": value for key, value in keys.items()}
        file = self.project.root / "stacks" / f"Pulumi.{stack}.yaml"
        if file.exists():
            # With the salt that Pulumi has written into it.
            file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": config}))
        else:
            self.project.stack(stack, config)

    def up(self, stack: str = "prod") -> None:
        self.project.run("up", "--yes", "--skip-preview", "--stack", stack)

    def record(
        self,
        name: str,
        *arguments: str,
        stack: str = "prod",
        during: During | None = None,
        json: bool = True,
        **more: str,
    ) -> None:
        """Run a command, by default a preview, and keep what it leaves. ``during`` is given its process."""
        self.log.unlink(missing_ok=True)
        command = arguments if arguments and not arguments[0].startswith("-") else ("preview", *arguments)
        process = subprocess.Popen(
            [
                self.project.cli,
                *command,
                *(("--json",) if json else ()),
                "--stack",
                stack,
                "--non-interactive",
                "--event-log",
                str(self.log),
            ],
            cwd=self.project.root,
            env={**self.project.environment, "PULUMI_DEBUG_COMMANDS": "1", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if during:
            during(self, process)
        output = process.communicate(timeout=300)[0]
        # As a shell tells it.
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        place = RECORDED / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "preview.json").write_text(self._sanitized(output.decode()))
        (place / "events.json").write_text(self._events())
        (place / "status").write_text(f"{status}\n")
        print(f"{name}: exit status {status}, {len(output):,} octets", flush=True)

    def _events(self) -> str:
        if not self.log.exists():
            return ""
        kept: list[str] = []
        for line in self.log.read_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                kept.append(line)
                continue
            if event.get("diagnosticEvent", {}).get("severity") == "debug" or "progressEvent" in event:
                continue
            event["timestamp"] = 1_790_000_000
            event.get("summaryEvent", {})["durationSeconds"] = 2
            kept.append(json.dumps(event, separators=(",", ":")))
        return self._sanitized("".join(f"{line}\n" for line in kept))

    def _sanitized(self, text: str) -> str:
        assert PASSWORD not in text
        text = text.replace(str(self.project.root), "/project").replace(str(ROOT), "/project")
        text = (
            text.replace(sys.prefix, "/project/.venv")
            .replace(sys.base_prefix, "/usr")
            .replace(str(Path.home()), "/home/ann")
        )
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:40000", text)
        return re.sub(r'"duration": \d+', '"duration": 2000000000', text)


During: TypeAlias = Callable[[Recorder, "subprocess.Popen[bytes]"], None]


def waits(recorder: Recorder, process: subprocess.Popen[bytes]) -> None:
    """Until the program has registered all that it will and waits."""
    while not (recorder.project.root / "waiting").exists():
        assert process.poll() is None, "the preview ended"
        time.sleep(0.02)


def interrupted(recorder: Recorder, process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C."""
    waits(recorder, process)
    process.send_signal(signal.SIGINT)


def killed(recorder: Recorder, process: subprocess.Popen[bytes]) -> None:
    waits(recorder, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def first_previews(recorder: Recorder) -> None:
    for name, registry in KINDS.items():
        recorder.configure(registry, "orders", "billing")
        recorder.record(f"first-{name}")
    recorder.configure(GENERIC, "orders", jobs=True)
    recorder.record("first-with-jobs")


def changes(recorder: Recorder) -> None:
    recorder.configure(ECR, "orders", "billing")
    recorder.up()
    recorder.record("unchanged")
    recorder.record("unchanged-show-sames", "--show-sames")
    recorder.configure(ECR, "orders", "billing", "support")
    recorder.record("namespace-added")
    recorder.record("namespace-added-show-sames", "--show-sames")
    recorder.record("changes-not-expected", "--expect-no-changes")
    recorder.configure(ECR, "orders")
    recorder.record("namespace-removed")
    recorder.configure(ECR, "orders-eu", "billing")
    recorder.record("namespace-renamed")
    recorder.configure({**ECR, "repository": "apps/{namespace}"}, "orders", "billing")
    recorder.record("repositories-renamed")
    recorder.configure(
        {**ECR, "repositories": {"deletionProtection": False}, "tags": {"team": "b"}}, "orders", "billing"
    )
    recorder.record("protection-removed")
    recorder.configure(ECR_STATIC, "orders", "billing")
    recorder.record("static-credentials")
    recorder.configure(GENERIC, "orders", "billing")
    recorder.record("another-kind")
    recorder.configure(ECR, "orders", "billing")
    recorder.record("refresh", "--refresh")
    recorder.record("refresh-command", "refresh", "--preview-only")
    # Somebody has let another ServiceAccount in, and deleted a repository.
    found = {
        "aws:iam/role:Role::orders": {"assumeRolePolicy": trust(subject("orders"), subject("intruder", "default"))},
        "aws:ecr/repository:Repository::registry/mendixapps/billing": None,
    }
    recorder.record("drift", "refresh", "--preview-only", AGREEING_FOUND=json.dumps(found))
    recorder.record("destroy", "destroy", "--preview-only")
    recorder.record("no-changes-expected", "--expect-no-changes")


BROADENED = """
import json, pulumi

TRUST = {trust!r}

async def broaden(args):
    if args.type_ == "aws:iam/role:Role" and args.name == "orders":
        return pulumi.ResourceTransformResult({{**args.props, "assumeRolePolicy": TRUST}}, args.opts)
    if args.type_ == "aws:iam/rolePolicy:RolePolicy" and args.name == "orders":
        policy = json.loads(await pulumi.Output.from_input(args.props["policy"]).future())
        for statement in policy["Statement"]:
            statement["Resource"] = "*"
        return pulumi.ResourceTransformResult({{**args.props, "policy": json.dumps(policy)}}, args.opts)
    if args.type_ == "aws:ecr/repository:Repository" and args.name.endswith("orders"):
        loose = {{"imageTagMutability": "MUTABLE", "forceDelete": True}}
        return pulumi.ResourceTransformResult({{**args.props, **loose}}, args.opts)

pulumi.runtime.register_resource_transform(broaden)
"""
"""What an owner of the program might add to it, before everything else."""


def other_stacks(recorder: Recorder) -> None:
    """Beside ``unchanged``, of which the stack is prod."""
    recorder.configure(ECR, "orders", stack="dev")
    recorder.record("dev", stack="dev")
    recorder.configure(ECR, "orders", stack="test")
    recorder.up("test")
    recorder.configure(ECR, "orders-eu", stack="test")
    recorder.record("test", stack="test")


def broad_access(recorder: Recorder) -> None:
    main = recorder.project.root / "__main__.py"
    whole = main.read_text()
    main.unlink()
    main.write_text(whole)
    recorder.configure(ECR, "orders", "billing")
    recorder.up()
    main.write_text(BROADENED.format(trust=trust(subject("*"), operator="StringLike")) + whole)
    recorder.record("broad-access")
    recorder.up()
    main.write_text(whole)
    recorder.record("broad-access-undone")


def failures(recorder: Recorder) -> None:
    recorder.record("no-stack", stack="nowhere")
    recorder.configure({**GENERIC, "respository": "x"}, "orders")
    recorder.record("rejected-stack-file")
    recorder.configure(GENERIC, "orders")
    recorder.record("no-such-option", "--no-such-option")
    configured = ("--policy-pack", str(ROOT / "policy"))
    recorder.record("refused-by-policy", *configured)
    listed = recorder.project.root / "policies.json"
    listed.write_text(json.dumps({"no-static-credentials": {"allowed": ["secret:orders/*"]}}))
    recorder.record("passed-by-policy", *configured, "--policy-pack-config", str(listed))
    recorder.record("short-object", "--output", "json", json=False)


def provider_errors(recorder: Recorder) -> None:
    """The real provider of Kubernetes, and a cluster that nobody answers for."""
    kubernetes = ensure_pulumi(cache_directory(), lambda _: None).kubernetes_provider
    if kubernetes is None:
        sys.exit(
            "Pulumi's Kubernetes provider was not built here, because the machine has a pulumi: take that out of PATH"
        )
    recorder.configure(GENERIC, "orders")
    recorder.up()
    plugins = recorder.project.root / "home" / "plugins"
    plugin = plugins / f"resource-kubernetes-v{SDKS['kubernetes']}" / "pulumi-resource-kubernetes"
    plugin.unlink()
    plugin.symlink_to(kubernetes)
    cluster = {"server": "https://127.0.0.1:1"}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [{"name": "prod", "cluster": cluster}],
        "users": [{"name": "prod", "user": {}}],
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "prod"}}],
    }
    path = recorder.project.root / "kubeconfig"
    path.write_text(json.dumps(kubeconfig))
    recorder.configure({**GENERIC, "pushHost": "registry.example.org"}, "orders")
    recorder.record("unreachable-cluster", KUBECONFIG=str(path))
    shutil.rmtree(plugin.parent)
    recorder.record("provider-missing")


def rejected_by_a_provider(recorder: Recorder) -> None:
    """The rehearsal's plugin for AWS, without the emulator that it speaks to."""
    plugins = recorder.project.root / "home" / "plugins"
    shutil.rmtree(plugins / f"resource-aws-v{SDKS['aws']}")
    install_plugins(plugins, ["aws"])
    recorder.configure(ECR, "orders")
    recorder.record("provider-error")


def program_errors(recorder: Recorder) -> None:
    main = recorder.project.root / "__main__.py"
    recorder.configure(GENERIC, "orders")
    whole = main.read_text()
    main.unlink()
    main.write_text(f"{whole}\nraise RuntimeError('the token ghp_{'a' * 36} was rejected')\n")
    recorder.record("program-error")
    main.write_text(f"{whole}\nimport pulumi\npulumi.log.warn('soon gone')\nprint('a line of output')\n")
    recorder.record("warnings")
    waiting = (
        "import asyncio, pathlib\nasync def wait():\n    await asyncio.sleep(2)\n    pathlib.Path('waiting').touch()\n"
    )
    main.write_text(
        f"{whole}\n{waiting}    await asyncio.sleep(600)\nimport pulumi\npulumi.export('late', pulumi.Output.from_input(wait()))\n"
    )
    recorder.record("control-c", during=interrupted)
    (recorder.project.root / "waiting").unlink()
    recorder.record("killed", during=killed)


KINDS = {
    "generic": GENERIC,
    "ecr": ECR,
    "ecr-pod-identity": ECR_POD_IDENTITY,
    "ecr-static": ECR_STATIC,
    "acr": ACR,
    "acr-admin": ACR_ADMIN,
    "acr-token": ACR_TOKEN,
    "gar": GAR,
    "openshift4": OPENSHIFT,
}
CASES = (
    first_previews,
    changes,
    other_stacks,
    broad_access,
    failures,
    provider_errors,
    rejected_by_a_provider,
    program_errors,
)


def main() -> None:
    chosen = [case for case in CASES if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="record-") as directory:
            case(Recorder(Path(directory)))


if __name__ == "__main__":
    main()
