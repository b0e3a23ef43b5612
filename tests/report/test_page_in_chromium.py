"""The page in a real browser, headless: opened from disk, filtered, followed, in the dark, by keyboard and on paper.

Needs Chromium (Debian's package ``chromium``; ``make chromium`` installs it). With REPORT_SCREENSHOTS set to a directory,
the pictures of the documentation are written there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import previews
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pypdf import PdfReader

from report.page import write_page
from report.summary import summarize
from tests.report.recordings import recorded, several_stacks

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120_000
"""Milliseconds; the browser's own 30 s can pass on a machine that is busy with other tests."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: 'make chromium' installs Debian's package"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, as whom CI runs in a container; all it opens here are our own files.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a case's page from disk; at the end nothing may have been said on the console, nor asked of the network."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(stacks, *, dark: bool = False, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: None if request.url.startswith("file:") else complaints.append(request.url))
        path = tmp_path / "page.html"
        path.write_text(write_page(stacks))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def nodes(page: Page, column: str) -> list[str]:
    labels = page.eval_on_selector_all("#nodes .node", "all => all.map(one => one.getAttribute('aria-label'))")
    return sorted(label.removeprefix(f"{column} ") for label in labels if label.startswith(f"{column} "))


def test_the_map_shows_every_path_with_gains_and_losses(show) -> None:
    page = show(several_stacks())
    assert page.text_content("#count") == "5 ways"
    assert nodes(page, "Namespace") == ["billing", "orders", "orders, gained", "orders, lost", "orders-eu, gained"]
    assert page.locator("#edges path.added").count() > 0
    assert page.locator("#edges path.removed").count() > 0
    picture(page, "access-map")


def test_the_filter_leaves_what_matches_all_words(show) -> None:
    page = show(several_stacks())
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("TEST orders-eu")
    assert nodes(page, "Namespace") == ["orders-eu, gained"]
    assert page.text_content("#count") == "1 of 5 ways"
    page.keyboard.press("Escape")
    assert page.text_content("#count") == "5 ways"
    page.fill("#filter", "no such thing")
    assert page.locator("#empty").is_visible()


def test_stacks_sides_and_changes_can_be_chosen(show) -> None:
    page = show(several_stacks())
    page.get_by_label("Changes only").check()
    assert page.text_content("#count") == "3 of 5 ways"
    page.get_by_text("Before", exact=True).click()
    assert nodes(page, "Namespace") == ["orders"]
    page.get_by_text("Both", exact=True).click()
    page.locator("#stacks input").nth(1).uncheck()
    assert nodes(page, "Namespace") == ["orders, gained"]


def test_a_node_highlights_all_paths_to_it(show) -> None:
    page = show([summarize(recorded("broad-access"))])
    page.get_by_role("button", name=re.compile("^Identity mendix-prod-orders")).click()
    assert nodes(page, "Namespace") == ["* (every one), gained", "orders, lost"]
    assert "mendix-prod-orders" in (page.text_content("#following") or "")
    page.get_by_role("button", name="Show all again").click()
    assert nodes(page, "Namespace") == ["* (every one), gained", "billing", "orders, lost"]


def test_the_keyboard_alone_walks_follows_and_comes_back(show) -> None:
    page = show(several_stacks())
    page.locator("#filter").focus()
    page.keyboard.press("ArrowDown")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Namespace orders, gained"
    for key, label in (
        ("ArrowDown", "Namespace orders, lost"),
        ("ArrowRight", "ServiceAccount mendix-builder, lost"),
        ("ArrowLeft", "Namespace orders, lost"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(focused) == label
    page.keyboard.press("Enter")
    assert nodes(page, "Namespace") == ["orders, lost"]
    assert page.evaluate(focused) == "Namespace orders, lost"
    page.keyboard.press("Escape")
    assert len(nodes(page, "Namespace")) == 5
    # One stop for the tabulator, whatever the number of nodes.
    assert page.locator("#nodes .node[tabindex='0']").count() == 1


def luminance(page: Page, selector: str, prop: str) -> float:
    colour = page.eval_on_selector(selector, f"element => getComputedStyle(element).{prop}")
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_in_light_and_dark_mode(dark: bool, show) -> None:
    page = show([summarize(recorded("broad-access"))], dark=dark)
    assert (luminance(page, "body", "backgroundColor") < 0.2) == dark
    for selector in ("h1", ".node.added", ".node.removed", ".node.changed", ".node.same", ".mark", ".mark.worst"):
        back = "body" if selector == "h1" else selector
        bright, dim = sorted(
            (luminance(page, selector, "color"), luminance(page, back, "backgroundColor")), reverse=True
        )
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, selector  # WCAG 2.2, 1.4.3
    if dark:
        picture(page, "access-map-dark")
    page.click("#theme")
    assert (luminance(page, "body", "backgroundColor") < 0.2) != dark


def test_paper_has_the_whole_map_and_the_opened_changes(show, tmp_path: Path) -> None:
    page = show(several_stacks(), dark=True)
    path = tmp_path / "page.pdf"
    page.pdf(path=path, prefer_css_page_size=True, print_background=True)
    text = "\n".join(each.extract_text() for each in PdfReader(path).pages)
    for expected in ("orders-eu", "billing", "push and pull", "data loss", "assumeRolePolicy"):
        assert expected in text
    assert "Changes only" not in text


def test_a_printed_fleet_is_a_table_of_all_paths(show, tmp_path: Path, summaries) -> None:
    page = show(summaries(previews.fleet(150, 1)))
    path = tmp_path / "page.pdf"
    page.pdf(path=path, prefer_css_page_size=True)
    text = "\n".join(each.extract_text() for each in PdfReader(path).pages)
    assert all(f"team-{number:04d}" in text for number in range(150))


def test_three_thousand_namespaces_draw_only_what_is_visible(show, summaries) -> None:
    page = show(summaries(previews.fleet()))
    assert page.text_content("#count") == "3,000 ways"
    assert page.locator("#nodes .node").count() < 400
    page.evaluate("document.getElementById('map').scrollTop = 60000")
    expect(page.get_by_role("button", name="Namespace team-0578", exact=True)).to_be_visible()
    assert nodes(page, "Cluster") == ["fleet-1"]
    assert page.locator("#nodes .node").count() < 400
    page.fill("#filter", "fleet-2 team-0999")
    assert page.text_content("#count") == "1 of 3,000 ways"
    page.fill("#filter", "")
    page.get_by_label("Changes only").check()
    assert page.text_content("#count") == "6 of 3,000 ways"
    page.get_by_label("Changes only").uncheck()
    page.evaluate("document.getElementById('map').scrollTop = 0")
    expect(page.get_by_role("button", name="Namespace team-0000", exact=True)).to_be_visible()
    picture(page, "fleet")


def test_the_table_shows_the_same_facts(show) -> None:
    page = show([summarize(recorded("namespace-renamed"))])
    page.get_by_role("button", name="As a table").click()
    rows = page.locator("#table tbody tr").all_inner_texts()
    assert len(rows) == 3
    assert any("orders-eu" in row and "–" in row for row in rows)
    page.get_by_role("button", name="As a table").click()
    assert nodes(page, "Namespace") == ["billing", "orders, lost", "orders-eu, gained"]


def test_hostile_names_are_text_and_run_nothing(show, summaries) -> None:
    page = show(summaries(previews.hostile()))
    for summary in page.locator("summary").all():
        summary.click()
    assert page.locator("main script, main img, main b b, main u, main svg svg, main h3").count() == 0
    assert page.locator("script").count() == 2
    assert "<script>alert(1)</script>" in page.inner_text("#changes")


def test_a_failed_preview_is_shown_at_the_top(show) -> None:
    page = show([summarize(recorded("provider-error"))])
    assert "The preview of prod failed" in page.inner_text("#notices")
    assert "no region" in page.inner_text("#messages")


def test_a_narrow_window_scrolls_only_the_map(show) -> None:
    page = show(several_stacks(), width=420, height=800)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
