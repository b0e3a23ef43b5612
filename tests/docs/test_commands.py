"""Commands on the pages: someone will paste them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import WRITTEN, blocks, name, words_of_code

pytestmark = pytest.mark.slow

OWN = ("rehearse", "registry-report", "mendix-fleet")
OTHERS = frozenset(
    {"az", "cd", "crane", "export", "gcloud", "git", "kubectl", "make", "oc", "pulumi", "uv", "python", "curl", "echo"}
)
"""Programs that the pages may use beside this project's own."""


def commands(page: Path) -> list[list[str]]:
    """The page's command lines, in words: of shell blocks, and what stands in backticks and is one of this project's."""
    lines = [
        line
        for block in blocks(page, "sh", "bash", "shell", "console")
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    lines += [
        code
        for code in words_of_code(page)
        if re.match(r"(?:\.venv/bin/)?(?:rehearse|registry-report|mendix-fleet|make) \S", code)
    ]
    # Placeholders such as <stack> are a word, not a redirection; what follows a comment sign is none of the command.
    return [shlex.split(re.sub(r"<([\w .-]+)>", r"\1", line), comments=True) for line in lines]


@cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:], "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "TERM": "dumb", "PATH": ""},
    )
    assert done.returncode == 0, f"{' '.join(command)} --help: {done.stderr}"
    return done.stdout


def faults(words: list[str]) -> list[str]:
    """What is wrong with a command line as far as this repository can tell."""
    program = Path(words[0]).name
    if program == "make":
        targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        return [f"make {word}" for word in words[1:] if "=" not in word and word not in targets]
    if program not in OWN:
        return [] if program in OTHERS else [f"unknown program {program}"]
    command = [program]
    if program in ("rehearse", "mendix-fleet") and len(words) > 1 and not words[1].startswith("-"):
        if not re.search(rf"^\s+{re.escape(words[1])}\s", help_of(program), re.MULTILINE):
            return [f"{program} has no command {words[1]}"]
        command.append(words[1])
    known = help_of(*command)
    options = [word.split("=")[0] for word in words[1:] if re.fullmatch(r"--?[a-z][\w-]*(?:=.*)?", word)]
    return [
        f"{' '.join(command)} has no option {option}"
        for option in options
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known)
    ]


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_commands_and_their_options_exist(page: Path) -> None:
    assert not [fault for words in commands(page) for fault in faults(words)]


def test_a_command_that_does_not_exist_is_found() -> None:
    assert faults(["rehearse", "upp"]) == ["rehearse has no command upp"]
    assert faults([".venv/bin/rehearse", "up", "--why"]) == ["rehearse up has no option --why"]
    assert faults(["registry-report", "x.json", "--comments", "y"]) == ["registry-report has no option --comments"]
    assert faults(["make", "everything"]) == ["make everything"]
    assert faults(["pulmi", "up"]) == ["unknown program pulmi"]
