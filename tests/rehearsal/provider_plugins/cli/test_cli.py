"""Pulumi's own CLI and engine with an emulator's plugin: it loads without a warning, and a resource lives its whole life."""

from __future__ import annotations

import json

import psutil
import pytest

from rehearsal.cluster.state import ProcessIdentity, await_end
from tests.rehearsal.provider_plugins.cli.conftest import Emulator, Project

pytestmark = pytest.mark.slow


def program(tag: str, user: str) -> str:
    return f"""
aws.ecr.Repository("orders", name="orders", image_tag_mutability="IMMUTABLE", tags={{"team": "a", "b.c": "{tag}"}})
aws.iam.Role("push", assume_role_policy='{{"Version": "2012-10-17", "Statement": []}}')
key = aws.iam.AccessKey("push", user=aws.iam.User("push", name="{user}").name)
pulumi.export("account", aws.get_caller_identity_output().account_id)
pulumi.export("key", key.secret)
"""


def test_a_stack_from_its_first_update_to_its_end(project: Project, emulator: Emulator) -> None:
    project.write(program("d", "push"))
    assert "5 created" in project.pulumi("up", "--yes")
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets"))
    assert outputs["account"] == emulator.account
    assert outputs["key"] not in project.pulumi("stack", "export")

    assert "5 unchanged" in project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert "5 unchanged" in project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    emulator.client.call("ecr", "PutImageTagMutability", repositoryName="orders", imageTagMutability="MUTABLE")
    assert '"IMMUTABLE" => "MUTABLE"' in project.pulumi("refresh", "--preview-only", "--diff")
    assert "1 updated" in project.pulumi("refresh", "--yes", "--skip-preview")

    project.write(program("e", "other"))
    steps = json.loads(project.pulumi("preview", "--json"))["steps"]
    found = {"::".join(step["urn"].split("::")[2:]): step for step in steps if step["op"] != "same"}
    assert found.pop("aws:ecr/repository:Repository::orders")["detailedDiff"] == {
        "imageTagMutability": {"kind": "update", "inputDiff": True},
        'tags["b.c"]': {"kind": "update", "inputDiff": True},
    }
    # A user is renamed in place; its key has the user's name as an input that cannot be changed.
    expected = {"aws:iam/user:User::push": "update", "aws:iam/accessKey:AccessKey::push": "replace"}
    assert {name: step["op"] for name, step in found.items() if step["op"] in ("update", "replace")} == expected
    updated = project.pulumi("up", "--yes", "--skip-preview")
    assert "2 updated" in updated and "1 replaced" in updated
    assert "5 deleted" in project.pulumi("destroy", "--yes", "--skip-preview")
    assert emulator.client.call("iam", "ListUsers")["Users"] == []


def test_what_aws_rejects_is_reported_in_its_words(project: Project, emulator: Emulator) -> None:
    emulator.client.call("iam", "CreateUser", UserName="push")
    project.write('aws.iam.User("push", name="push")\n')
    output = project.pulumi("up", "--yes", "--skip-preview", fails=True)
    words = "operation error IAM: CreateUser, https response error StatusCode: 409, EntityAlreadyExists: User"
    assert words in output
    assert "provider_plugins" not in output, "a traceback of the plugin"


def test_a_failed_read_after_creation_is_completed_later(project: Project, emulator: Emulator) -> None:
    project.write('pulumi.export("url", aws.ecr.Repository("orders", name="orders").repository_url)\n')
    emulator.rejected = "DescribeRepositories"
    assert "not today" in project.pulumi("up", "--yes", "--skip-preview", fails=True)
    emulator.rejected = ""
    assert "1 updated" in project.pulumi("up", "--yes", "--skip-preview")
    assert project.pulumi("stack", "output", "url").strip().endswith("/orders")
    assert "2 unchanged" in project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_a_killed_cli_leaves_no_plugin(project: Project) -> None:
    project.write("import time\n\naws.get_region()\nprint('asked', flush=True)\ntime.sleep(600)\n")
    process = project.start("preview")
    assert process.stdout is not None
    while "asked" not in (line := process.stdout.readline()):
        assert line
    children = psutil.Process(process.pid).children(recursive=True)
    plugins = [child for child in children if "rehearsal.provider_plugins" in child.cmdline()]
    assert len(plugins) == 1
    identities = ProcessIdentity.of_all(plugin.pid for plugin in plugins)
    process.kill()
    assert await_end(identities, 15) == []
    for child in children:  # the program and its language host, which outlive the CLI for a while
        if child.is_running():
            child.kill()
