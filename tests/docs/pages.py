"""The documentation's sources, read as a code host reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "stack-file"]
"""Those that people write."""

_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and text, and the line it begins at."""

    language: str
    text: str
    line: int


def tokens(page: Path) -> Iterator[Token]:
    """The page's tokens, those inside paragraphs too."""
    for token in _MARKDOWN.parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's fenced blocks of these languages."""
    return [
        Block(token.info, token.content, (token.map or [0])[0] + 1)
        for token in tokens(page)
        if token.type == "fence" and token.info in languages
    ]


def words_of_code(page: Path) -> list[str]:
    """What stands in backticks inside paragraphs and tables."""
    return [token.content for token in tokens(page) if token.type == "code_inline"]


def links(page: Path) -> list[str]:
    """Where the page's links and images lead."""
    return [
        str(token.attrs["href" if token.type == "link_open" else "src"])
        for token in tokens(page)
        if token.type in ("link_open", "image")
    ]


def anchors(page: Path) -> set[str]:
    """The names of the page's headings, by the code hosts' rule."""
    found: set[str] = set()
    listed = _MARKDOWN.parse(page.read_text(encoding="utf-8"))
    for opening, heading in pairwise(listed):
        if opening.type == "heading_open":
            text = "".join(child.content for child in heading.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            number = 0
            while (name := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(name)
    return found


def name(page: Path) -> str:
    """How a test's report calls the page."""
    return str(page.relative_to(ROOT))
