"""One password, searched for in everything that a deployment writes, prints, sends or starts."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path

import kr8s
import psutil
import pytest

from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster

WRONG = "not-the-password-of-the-registry"


def forms(secret: str) -> set[str]:
    """The secret as it might be written: plain, base64 alone and inside a Docker configuration."""
    pair = base64.b64encode(f"builder:{secret}".encode()).decode()
    return {secret, base64.b64encode(secret.encode()).decode(), pair, base64.b64encode(pair.encode()).decode()[4:-8]}


def found_in(text: str, secret: str) -> list[str]:
    return [form for form in forms(secret) if form in text]


class CommandLines(threading.Thread):
    """Every command line of the machine while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or ()))
            time.sleep(0.05)


def test_no_secret_in_plain_text_anywhere(project: Project, home: Path, api: kr8s.Api) -> None:
    watcher = CommandLines()
    watcher.start()
    texts: dict[str, str] = {}
    plan = project.root / "plan.json"
    for command in (
        ("preview", "--json"),
        ("preview", "--diff", "--save-plan", str(plan)),
        ("up", "--yes", "--diff"),
        ("up", "--yes", "--json"),
        ("refresh", "--yes", "--diff"),
        ("env",),
        ("status", "--json"),
    ):
        done = project.run(*command)
        assert done.returncode == 0, done.stderr
        texts[" ".join(command)] = done.stdout + done.stderr
    texts["history"] = project.pulumi("stack", "history", "--json")
    texts["export"] = project.pulumi("stack", "export")
    # A failing push must not print it either.
    password = (home / "registry-password").read_text()
    passphrase = (home / "passphrase").read_text()
    project.stack(registry={"authentication": {"password": {"environment": "WRONG"}}})
    failed = project.run("up", "--yes", "--diff", WRONG=WRONG)
    assert failed.returncode == 1
    texts["failing up"] = failed.stdout + failed.stderr
    watcher.done.set()
    watcher.join()

    texts["plan"] = plan.read_text()
    for name in ("state", "stacks", "pulumi"):
        for path in (home / name).rglob("*"):
            if path.is_file() and not path.is_symlink():
                texts[f"{name} {path.name}"] = path.read_bytes().decode(errors="replace")
    for path in (home / "cluster" / "logs").rglob("*"):
        if path.is_file():
            texts[f"log {path.name}"] = path.read_bytes().decode(errors="replace")
    for kind in ("jobs", "pods", "configmaps", "serviceaccounts", "events"):
        for item in kr8s.get(kind, namespace="orders", api=api):
            texts[f"{kind} {item.name}"] = json.dumps(item.raw)
            if kind == "pods":
                try:
                    texts[f"log of {item.name}"] = "\n".join(item.logs())
                except (kr8s.ServerError, kr8s.NotFoundError, kr8s.APITimeoutError):
                    continue
    texts["command lines"] = "\n".join(watcher.seen)
    assert len(texts) > 25
    # The canary can be found where it belongs, so the search can find it at all.
    secret = kr8s.objects.Secret.get("mendix-registry", namespace="orders", api=api)
    assert found_in(base64.b64decode(secret.raw["data"][".dockerconfigjson"]).decode(), WRONG)
    for where, text in texts.items():
        for canary in (password, WRONG):
            assert not found_in(text, canary), f"a password is in: {where}"
        assert passphrase not in text, f"the passphrase is in: {where}"


def test_only_their_owner_reads_state_and_secrets(project: Project, home: Path) -> None:
    project.stack(builder={"mode": "none"})
    project.up()
    assert project.run("env").returncode == 0
    assert home.stat().st_mode & 0o077 == 0
    for name in ("state", "stacks", "pulumi", "environment"):
        assert (home / name).stat().st_mode & 0o077 == 0, f"{name} can be read by others"
