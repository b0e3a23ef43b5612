"""The page of the matrices is one file, and what clouds and stack files say is text there."""

from __future__ import annotations

from html.parser import HTMLParser

from rehearsal.access_matrix.matrix import Cell, Matrix
from rehearsal.access_matrix.page import render


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def cell(*, as_expected: bool, reason: str = "") -> Cell:
    return Cell("orders", "another repository", False, "refused", "ecr", reason, as_expected)


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_clouds_answers_become_neither_markup_nor_requests() -> None:
    hostile = "<script>alert(1)</script><img src=https://example.com/x>"
    found = parsed(render([Matrix(hostile, (cell(as_expected=True, reason=hostile),), hostile)])).found
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in found}
    assert not [
        attributes for _, attributes in found if "src" in attributes or str(attributes.get("href", "#"))[0] != "#"
    ]


def test_a_stack_without_a_matrix_is_not_as_expected() -> None:
    text = render([Matrix("good", (cell(as_expected=True),)), Matrix("gone", (), "`up` failed with status 1")])
    assert "Every cell is as expected" not in text
    assert "`up` failed with status 1" in text
    assert "Every cell is as expected" in render([Matrix("good", (cell(as_expected=True),))])


def test_a_cell_that_is_not_as_expected_is_marked() -> None:
    text = render([Matrix("stack", (cell(as_expected=False, reason="because"),))])
    assert ("tr", {"class": "wrong"}) in parsed(text).found
    assert "must be refused" in text
