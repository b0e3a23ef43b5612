"""Comments as a site shows them: rendered from Markdown, in a real browser. With REPORT_SCREENSHOTS set to a directory, the
pictures of the documentation are written there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import Page, expect, sync_playwright

from report.comment import comment
from report.summary import summarize
from tests.report.recordings import recorded
from tests.report.test_page_in_chromium import CHROMIUM, PATIENCE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: 'make chromium' installs Debian's package"),
]

STYLE = """
body { font: 14px/1.5 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; color: #1f2328; margin: 24px; max-width: 860px; }
h2 { font-size: 21px; border-bottom: 1px solid #d1d9e0; padding-bottom: 4px; } h3 { font-size: 17px; }
code { background: #eff1f3; border-radius: 6px; padding: 2px 5px; font-size: 12px; }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px; white-space: pre-wrap; }
pre code { padding: 0; background: none; }
table { border-collapse: collapse; } td, th { border: 1px solid #d1d9e0; padding: 5px 12px; }
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        page = browser.new_page(viewport={"width": 920, "height": 600})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@pytest.mark.parametrize(
    ("name", "heading", "words"),
    [
        ("namespace-added", "8 changes", "namespace support of cluster prod gains push on mendixapps/support"),
        ("refused-by-policy", "the preview is refused by the policy pack", "Do: use the cloud's workload identity"),
        ("rejected-stack-file", "the preview failed", "There is no key 'respository' here."),
    ],
)
def test_a_rendered_comment_shows_first_how_the_preview_ended(
    page: Page, tmp_path: Path, name: str, heading: str, words: str
) -> None:
    html = MarkdownIt("commonmark").enable("table").render(comment([summarize(recorded(name))]))
    (tmp_path / "comment.html").write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{html}")
    page.goto((tmp_path / "comment.html").as_uri())
    expect(page.locator("h2")).to_contain_text(heading)
    expect(page.locator("body")).to_contain_text(words)
    # Nothing of it is left as Markdown.
    for mark in ("```", "| :--", "**"):
        expect(page.locator("body")).not_to_contain_text(mark)
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"comment-{name}.png", clip={"x": 0, "y": 0, "width": 920, "height": 560})
