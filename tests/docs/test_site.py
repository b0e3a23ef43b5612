"""The built site: strict, whole, and loading nothing from elsewhere."""

from __future__ import annotations

import operator
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

import mendix_registry
from tests.conftest import ROOT

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120_000
"""Milliseconds; the browser's own 30 s can pass on a machine that is busy with other tests."""
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.leads_on = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.add(given.get("id") or "")
        self.leads_on |= tag == "meta" and given.get("http-equiv") == "refresh"
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        for name in ("src", "href"):
            if (tag, name) in LOADED and given.get(name) and given.get("rel") != "canonical":
                self.loads.append(given[name] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("sphinx-build")),
            *("--quiet", "--fail-on-warning", "--keep-going"),
            *("--conf-dir", "docs/site", "--doctree-dir", str(target / "doctrees"), ".", str(target / "html")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        # No network, whatever the machine has.
        env={**os.environ, "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 20
    broken: dict[str, list[str]] = defaultdict(list)
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (parts.fragment and parts.fragment not in pages[target].anchors):
                broken[str(path.relative_to(site))].append(link)
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for link in page.loads:
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc, f"{path}: {link}"
            assert not parts.path or (path.parent / unquote(parts.path)).is_file(), f"{path}: {link}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "url(http" not in text and "@import" not in text and "url(//" not in text, style


def test_the_components_arguments_are_in_their_reference(site: Path) -> None:
    page = Page(site / "docs" / "reference" / "api.html")
    for name in mendix_registry.__all__:
        declared = getattr(mendix_registry, name)
        full = f"{declared.__module__}.{name}"
        assert full in page.anchors, name
        for argument in getattr(declared, "__annotations__", {}) if name.endswith("Args") else ():
            assert f"{full}.{argument}" in page.anchors, f"{name}.{argument}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield started
        started.close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: 'make chromium' installs Debian's package")
def test_pages_in_a_browser(site: Path, pages: dict[Path, Page], browser: Browser) -> None:
    """No error, no request to elsewhere, diagrams drawn, nothing wider than a screen or a telephone's."""
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    for path, page in pages.items():
        if "_static" in path.parts:
            continue
        tab.goto(path.as_uri())
        if page.leads_on:
            # The browser leaves the page by itself; to look at it before it has is to look at a page that goes away.
            tab.wait_for_url(partial(operator.ne, path.as_uri()))
        tab.wait_for_load_state("load")
        diagrams = tab.locator("pre.mermaid")
        for number in range(diagrams.count()):
            diagrams.nth(number).locator("svg").wait_for()
            assert "Syntax error" not in (diagrams.nth(number).text_content() or ""), path
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 844})
            for scheme in ("light", "dark"):
                tab.emulate_media(color_scheme=scheme)
                beyond = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert beyond <= 0, (
                    f"{path.relative_to(site)} is {beyond} pixels wider than a screen of {width}, {scheme}"
                )
    assert not wrong
    tab.close()
