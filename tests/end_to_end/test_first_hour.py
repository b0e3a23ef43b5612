"""docs/first-hour.md and docs/operations.md, done as they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import kr8s
import pytest
import yaml

from tests.conftest import REHEARSE, ROOT
from tests.end_to_end.conftest import Project

pytestmark = pytest.mark.cluster

PAGE = (ROOT / "docs" / "first-hour.md").read_text(encoding="utf-8")


def block(language: str, beginning: str) -> str:
    """The page's fenced block of this language that has ``beginning`` in it."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if beginning in text]
    assert len(found) == 1, beginning
    return found[0]


def test_the_tutorials_stack_mistake_and_change(project: Project) -> None:
    """Sections 3 to 5. The namespaces are the page's own, so this runs once per cluster and cleans up after itself."""
    stack = project.root / "stacks" / "Pulumi.first.yaml"
    good = block("yaml", "# yaml-language-server")
    stack.write_text(good)
    assert "+ 15 to create" in project.run("preview", "--stack", "first").stdout

    broken = good.replace("mendixapps/", "MendixApps/").replace(
        "create: true\n", "create: true\n      podSecurity: strict\n"
    )
    stack.write_text(broken)
    rejected = project.run("preview", "--stack", "first")
    assert rejected.returncode == 2
    assert rejected.stderr.replace(str(project.root), "…") == block("text", "The stack file is wrong")

    stack.write_text(good)
    deployed = project.deployed(stack="first")
    assert deployed.changes == {"create": 15}
    assert "+ 15 created" in deployed.printed
    assert "Pushed for namespace billing" in deployed.printed
    whole = yaml.safe_load(good)
    whole["config"] |= yaml.safe_load(block("yaml", "- name: shipping"))
    stack.write_text(yaml.safe_dump(whole))
    preview = project.run("preview", "--stack", "first", "--json").stdout
    assert json.loads(preview)["changeSummary"] == {"create": 12, "same": 15}
    (project.root / "preview.json").write_text(preview)
    comment = project.root / "comment.md"
    report = [
        str(REHEARSE.with_name("mendix-registry-report")),
        str(project.root / "preview.json"),
        "--comment",
        str(comment),
    ]
    subprocess.run(report, check=True)
    assert (
        "namespace `shipping` of cluster `first` **gains push and pull** on `mendixapps/shipping`"
        in comment.read_text()
    )
    changed = project.deployed(stack="first")
    assert changed.changes == {"create": 12, "same": 15}
    assert "+ 12 created" in changed.printed


def test_a_lost_state_is_recovered_by_the_operations_page(project: Project, api: kr8s.Api) -> None:
    name = "lost-state"
    project.stack(namespaces=[{"name": name, "create": True}])
    project.up()
    shutil.rmtree(project.home / "state" / ".pulumi")

    project.stack(namespaces=[{"name": name, "create": False}], operatorConfiguration={"adopt": "patch"})
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for line in re.findall(r"^ +kubectl -n mendix-orders delete (.*)$", page, re.MULTILINE):
        words = [word for word in line.split() if not word.startswith("-") and "=" not in word]
        for kind in {part.split("/")[0] for word in words for part in word.split(",")}:
            for found in api.get(f"{kind}s", namespace=name):
                exact = {word.split("/")[1] for word in words if word.startswith(f"{kind}/")}
                ours = found.labels.get("app.kubernetes.io/part-of") == "mendix-registry"
                if found.name in exact if exact else ours:
                    found.delete(propagation_policy="Background")
                    found.wait("delete", timeout=60)
    project.up()
    for found in api.get("namespaces", name):
        assert found.name == name
    assert project.run("destroy", "--yes", "--skip-preview").returncode == 0
    next(iter(api.get("namespaces", name))).delete()
