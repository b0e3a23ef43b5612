"""ARCHITECTURE.md against the repository: every file it names exists, and one namespace takes at most nine hops."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import PurePosixPath

from tests.conftest import ROOT
from tests.docs.pages import words_of_code

PAGE = ROOT / "ARCHITECTURE.md"
LIBRARY = "components/mendix_registry/"
HOPS = 9
ADDRESSES = re.compile(r"^/|://|^~/|^[\w-]+(?:\.[\w-]+)*\.(?:io|com)/|HOST/PATH|^pulumi/pkg$")
"""What has a slash and is no path of the repository: URLs, registry paths, annotations, a Go package."""


@cache
def paths() -> frozenset[str]:
    """The repository's files and folders, also by the end of their path: a page names `emulators/tokens.py`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = set[str]()
    for file in listed:
        if not (ROOT / file).exists():
            continue
        for path in (PurePosixPath(file), *PurePosixPath(file).parents):
            found.update("/".join(path.parts[start:]) for start in range(len(path.parts)))
    return frozenset(found)


def named() -> list[str]:
    """Every path in backticks; `FILE: NAME` is a name in a file, and `<cloud>` stands for a folder's name."""
    words = [word.split(": ")[0].rstrip("/") for word in words_of_code(PAGE)]
    return [
        word
        for word in words
        if ("/" in word or word.endswith(".py")) and not ADDRESSES.search(word) and "<" not in word
    ]


def hops() -> list[str]:
    """The numbered steps of one namespace."""
    section = (
        PAGE.read_text(encoding="utf-8").split("\n## One namespace, from stack file to Job\n")[1].split("\n## ")[0]
    )
    return re.findall(r"^\d+\. (.*)$", section, re.MULTILINE)


def test_every_path_in_backticks_is_in_the_repository() -> None:
    assert len(named()) > 50
    assert [path for path in named() if path not in paths()] == []


def test_one_namespace_takes_at_most_nine_hops() -> None:
    assert 0 < len(hops()) <= HOPS


def test_each_hop_begins_with_a_file_that_exists() -> None:
    files = [re.match(r"`([^`]+)`", hop) for hop in hops()]
    assert all(files), hops()
    missing = [
        file[1] for file in files if file and not any((ROOT / folder / file[1]).is_file() for folder in ("", LIBRARY))
    ]
    assert missing == []
