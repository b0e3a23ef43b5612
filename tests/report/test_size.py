"""A comment fits its site; what is left out is the least important, and is counted."""

from __future__ import annotations

from typing import Any

import previews
import pytest

from report.comment import LIMITS, comment, marker
from report.summary import summarize
from tests.report.recordings import recorded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("limit", [8_000, 20_000, *LIMITS.values()])
def test_a_thousand_changes_fit(limit: int, summaries) -> None:
    written = comment(summaries(previews.thousand_changes()), limit)
    assert len(written.encode()) <= limit
    assert ("**Left out" in written) == (limit < 1_000_000)


def test_all_of_a_small_one_is_there() -> None:
    assert "Left out" not in comment([summarize(recorded("namespace-renamed"))])


def test_risks_and_replacements_outlive_creations(summaries) -> None:
    stack = previews.Stack()
    old, new = previews.repository("mendixapps/orders"), previews.repository("apps/orders")
    stack.step("replace", previews.ECR_REPOSITORY, "orders", "", new, old, reasons=["name"])
    written = comment(summaries([*previews.thousand_changes(), stack.document()]), 9_000)
    assert "**Data loss** in `prod`" in written
    assert "**replace** `Repository` `orders`" in written
    assert "lists of creations" in written


def test_multibyte_characters_count_as_on_the_strictest_site(summaries) -> None:
    stack = previews.Stack()
    for number in range(300):
        stack.step("create", "custom:index:Thing", f"名前-{number}-{'𝔘' * 60}", "", {"値": "あ" * 200})
    written = comment(summaries([stack.document()]))
    assert len(written.encode()) <= LIMITS["github"]
    assert len(written.encode("utf-16-le")) // 2 <= LIMITS["github"]


def test_two_thousand_stacks_fit_and_show_the_failed_one(summaries) -> None:
    documents: list[dict[str, Any]] = []
    for number in range(2_000):
        stack = previews.Stack(f"stack-{number}-{'x' * 100}")
        stack.step("create", "custom:index:Thing", "thing", "", {"a": "b"})
        documents.append(stack.document())
    written = comment([summarize(recorded("provider-error")), *summaries(documents)])
    assert len(written.encode()) <= LIMITS["github"]
    assert "1,901 more stacks" in written
    assert "**The preview of `prod` failed.**" in written
    assert "| `prod` |" in written


def test_the_marker_is_the_first_line_of_one_comment() -> None:
    stacks = [summarize(recorded("unchanged"))]
    assert comment(stacks, key="prod").splitlines()[0] == marker("prod") == "<!-- mendix-registry-report:prod -->"
    assert marker("a b-->") == "<!-- mendix-registry-report:a-b--- -->"
