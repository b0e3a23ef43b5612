"""What is not a preview is refused, by the command, with what it seems to be and status 2; nothing is written then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import previews
import pytest

from report.preview import WrongInputError, read_preview
from tests.report.recordings import document

REPORT = Path(sys.executable).with_name("mendix-registry-report")
GOOD = json.dumps(document("first-ecr"), indent=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("error: no stack selected\n", "is not JSON"),
        (GOOD[: len(GOOD) // 2], "is cut off"),
        (GOOD[:-2], "is cut off"),
        (GOOD + GOOD, "several JSON objects"),
        ("[]", "a list"),
        ("42", "a single value"),
        ('{"format_version": "1.2", "resource_changes": []}', "Terraform plan"),
        ('{"version": 3, "deployment": {"resources": []}}', "pulumi stack export"),
        ('{"manifest": {}, "resourcePlans": {}}', "--save-plan"),
        ('{"sequence": 0, "timestamp": 1, "preludeEvent": {}}', "stream of engine events"),
        ('{"stack": "local", "ok": true, "seconds": 1, "pushed": []}', "rehearse up --json"),
        ('{"hello": "world"}', "JSON, but not of a preview"),
        (json.dumps({**json.loads(GOOD), "policyFindings": []}), "newer format"),
        (GOOD.replace('"create"', '"transmogrify"', 1), "newer format"),
        (GOOD.replace('"steps": [', '"steps": [7, ', 1), "steps.0"),
        (json.dumps({"steps": {"a": 1}}), "at steps"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_wrong_input_is_reported_with_its_cause(content: str, said: str) -> None:
    with pytest.raises(WrongInputError) as error:
        read_preview(content.encode(), "prod.json")
    assert said in str(error.value)
    assert "prod.json" in str(error.value)


def test_bytes_that_are_no_text_are_rejected() -> None:
    with pytest.raises(WrongInputError, match="UTF-8"):
        read_preview(b'{"config": "\xff\xfe"}', "prod.json")


def test_exit_status_2_names_every_bad_file_without_output(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(GOOD)
    (tmp_path / "cut.json").write_text(GOOD[:1000])
    (tmp_path / "terraform.json").write_text('{"resource_changes": []}')
    files = ["good.json", "cut.json", "terraform.json", "missing.json"]
    done = subprocess.run(
        [REPORT, *files, "--comment", "comment.md", "--page", "page.html"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in files[1:])
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "comment.md").exists()
    assert not (tmp_path / "page.html").exists()


def test_an_error_message_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "evil.json").write_text(json.dumps({"steps": [{"op": "\x1b]0;owned\x07", "urn": "u"}]}))
    done = subprocess.run([REPORT, "evil.json"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_the_command_writes_comment_and_page_of_several_stacks(tmp_path: Path) -> None:
    names = []
    for number, stack in enumerate(("dev", "test", "prod")):
        names.append(f"{stack}={number}.json")
        (tmp_path / f"{number}.json").write_text(json.dumps(document("first-ecr")))
    done = subprocess.run(
        [REPORT, *names, "--comment", "-", "--page", "page.html"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"| `{name}` |" in done.stdout for name in ("dev", "test", "prod"))
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_an_early_failed_preview_is_named_by_the_caller(tmp_path: Path) -> None:
    document = {"diagnostics": [{"message": "error: no such cluster", "severity": "error"}], "duration": 1}
    (tmp_path / "preview.json").write_text(json.dumps(document))
    done = subprocess.run([REPORT, "prod=preview.json"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "**The preview of `prod` failed.**" in done.stdout
    assert "no such cluster" in done.stdout


def test_one_stack_given_twice_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    done = subprocess.run([REPORT, "a.json", "a.json"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Give each stack once" in done.stderr


def test_a_page_address_that_leaves_its_link_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    done = subprocess.run(
        [REPORT, "a.json", "--page-url", "javascript:alert(1)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2


@pytest.mark.slow
def test_a_20_megabyte_preview_needs_at_most_300_megabytes(tmp_path: Path) -> None:
    document = json.dumps(previews.fleet(2_400, 1, "create")[0], indent=2)
    assert len(document) > 20_000_000
    (tmp_path / "preview.json").write_text(document)
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [REPORT, "preview.json", "--comment", "comment.md", "--page", "page.html"]
    done = subprocess.run(
        [sys.executable, "-c", measured, *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) / 1024 < 300
