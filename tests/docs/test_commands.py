"""Commands on the pages: someone will paste them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from rehearsal.cluster.paths import cache_directory
from rehearsal.toolchain.pulumi_tools import ensure_pulumi
from tests.conftest import ROOT
from tests.docs.pages import WRITTEN, blocks, name, words_of_code

pytestmark = pytest.mark.slow

OWN = ("rehearse", "mendix-registry", "mendix-registry-report", "mendix-registry-fleet")
HANDED_ON = ("up", "preview", "refresh", "destroy")
"""Commands of `rehearse` that hand the options that are not theirs to the command of Pulumi's CLI with the same name."""
OTHERS = frozenset(
    {
        "az",
        "cd",
        "cp",
        "crane",
        "export",
        "gcloud",
        "git",
        "kubectl",
        "jq",
        "make",
        "oc",
        "rm",
        "sh",
        "unset",
        "uv",
        "python",
        "curl",
        "echo",
    }
)
"""Programs that the pages may use beside Pulumi's CLI and this project's own."""


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
        if re.match(r"(?:\.venv/bin/)?(?:rehearse|mendix-registry[a-z-]*|make|pulumi|eval) \S", code)
    ]
    # What a shell is to evaluate is a command, too.
    lines = [re.sub(r'^eval "\$\((.*)\)"', r"\1", line.strip()) for line in lines]
    # Placeholders such as <stack> are a word, not a redirection; what follows a comment sign is none of the command.
    found = [shlex.split(re.sub(r"<([\w .-]+)>", r"\1", line), comments=True) for line in lines]
    return [list(words) for line in found for pipe, words in groupby(line, "|".__eq__) if not pipe]


@cache
def program(name: str) -> Path:
    return (
        ensure_pulumi(cache_directory(), lambda _: None).cli
        if name == "pulumi"
        else Path(sys.executable).with_name(name)
    )


@cache
def help_of(*command: str, **environment: str) -> str:
    done = subprocess.run(
        [str(program(command[0])), *command[1:], "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "TERM": "dumb", "PATH": "", **environment},
    )
    assert done.returncode == 0, f"{' '.join(command)} --help: {done.stderr}"
    return done.stdout


def has_command(command: list[str], word: str) -> bool:
    if command[0] == "pulumi":
        # It lists no aliases (`rm` for `remove`), and prints its own help for a command that it does not know.
        return help_of(*command, word) != help_of(*command)
    return re.search(rf"^\s+{re.escape(word)}\s", help_of(*command), re.MULTILINE) is not None


def faults(words: list[str]) -> list[str]:
    """What is wrong with a command line as far as this repository can tell."""
    given: dict[str, str] = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        variable, _, value = words[0].partition("=")
        given[variable] = value
        words = words[1:]
    called = Path(words[0]).name
    if called == "make":
        targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        return [f"make {word}" for word in words[1:] if "=" not in word and word not in targets]
    if called not in (*OWN, "pulumi"):
        return [] if called in OTHERS else [f"unknown program {called}"]
    command = [called]
    while len(words) > len(command) and re.search(r"Commands:$", help_of(*command), re.MULTILINE):
        word = words[len(command)]
        if word.startswith("-"):
            break
        if not has_command(command, word):
            return [f"{' '.join(command)} has no command {word}"]
        command.append(word)
    known = help_of(*command, **given)
    if command[0] == "rehearse" and command[-1] in HANDED_ON:
        known += help_of("pulumi", command[-1], **given)
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
    assert faults(["mendix-registry-report", "x.json", "--comments", "y"]) == [
        "mendix-registry-report has no option --comments"
    ]
    assert faults(["make", "everything"]) == ["make everything"]
    assert faults(["pulmi", "up"]) == ["unknown program pulmi"]
    assert faults(["pulumi", "stack", "imports"]) == ["pulumi stack has no command imports"]
    assert faults(["pulumi", "stack", "export", "--files", "x"]) == ["pulumi stack export has no option --files"]
    assert faults(["pulumi", "up", "--event-log", "x"]) == ["pulumi up has no option --event-log"]
    assert not faults(["PULUMI_DEBUG_COMMANDS=1", "pulumi", "up", "--event-log", "x"])
    assert not faults(["rehearse", "up", "--context", "kind", "--diff"])
