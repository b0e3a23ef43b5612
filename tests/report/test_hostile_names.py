"""Names, values and messages of strangers, read by a Markdown parser that others wrote: nothing of them becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import previews
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from report.comment import comment
from report.page import write_page
from report.summary import summarize
from report.text import cell, clean, code, fence
from tests.report.recordings import recorded

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")

# What the comment itself writes as HTML, and what Markdown makes of the rest of it.
OURS = {"details", "summary", "sub", "code"}
OF_MARKDOWN = {
    "h2",
    "h3",
    "p",
    "ul",
    "li",
    "strong",
    "pre",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
    "blockquote",
}


class Tags(HTMLParser):
    """Collects elements, attributes and comments."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.comments: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.depth += tag == "details"

    def handle_endtag(self, tag):
        self.depth -= tag == "details"

    def handle_comment(self, data):
        self.comments.append(data.strip())


def _tags(markdown: str) -> Tags:
    tags = Tags()
    tags.feed(PARSER.render(markdown))
    return tags


def test_hostile_names_create_no_element_attribute_or_marker(summaries) -> None:
    written = comment(summaries(previews.hostile()))
    tags = _tags(written)
    assert set(tags.tags) <= OURS | OF_MARKDOWN
    assert tags.attributes <= {"class", "style"}
    assert tags.comments == ["mendix-registry-report:default"]
    assert tags.depth == 0
    assert written.count("<!--") == 1


def test_headings_are_only_ours(summaries) -> None:
    html = PARSER.render(comment(summaries(previews.hostile())))
    headings = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<h[1-6]>(.*?)</h[1-6]>", html)]
    beginnings = ("Registry access: ", "Risks", "Why the preview of ", "Who may do what", "Changes in ")
    assert headings
    assert all(heading.startswith(beginnings) for heading in headings)


@pytest.mark.parametrize("case", previews.CASES)
def test_every_fold_is_closed(case: str, summaries) -> None:
    assert _tags(comment(summaries(previews.CASES[case]()))).depth == 0


HOSTILE = st.text(st.sampled_from("`|\\<>&*_[]()#!~-=+\n\r\t\x00\x1b\x7f\u200b\u202e@ab ")) | st.text()


@given(HOSTILE)
def test_a_name_stays_in_its_code_span(name: str) -> None:
    shown = code(name)
    (paragraph,) = (token for token in PARSER.parse(f"x {shown} y") if token.type == "inline")
    assert [child.type for child in paragraph.children or ()] in (["text", "code_inline", "text"], ["text"])
    assert "\n" not in shown


@given(HOSTILE)
def test_a_name_stays_in_its_cell(name: str) -> None:
    tokens = PARSER.parse(f"| a | b |\n| - | - |\n| {cell(name)} | end |")
    cells = [token for token in tokens if token.type == "td_open"]
    inlines = [token.content for token in tokens if token.type == "inline"]
    assert len(cells) == 2
    assert inlines[-1] == "end"


@given(HOSTILE)
def test_a_message_stays_in_its_fence(message: str) -> None:
    tokens = PARSER.parse(f"before\n\n{fence(message)}\n\nafter")
    assert [token.type for token in tokens] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
        "fence",
        "paragraph_open",
        "inline",
        "paragraph_close",
    ]


@given(st.text())
def test_nothing_invisible_is_left(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", clean(text))


def test_hostile_names_are_only_data_in_the_page(summaries) -> None:
    hostile, harmless = Tags(), Tags()
    page = write_page(summaries(previews.hostile()))
    hostile.feed(page)
    harmless.feed(write_page([summarize(recorded("unchanged"))]))
    assert hostile.tags == harmless.tags
    (embedded,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert not re.search("[<>&]", embedded)
    assert "<script>alert(1)</script>" in json.dumps(json.loads(embedded))
