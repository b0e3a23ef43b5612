"""Whole comments and pages, as they were last looked at and found right. After a wanted change:
``pytest tests/report/test_golden.py --snapshot-update``, then read the difference.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import previews
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from report.comment import comment
from report.page import write_page


class Markdown(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


class Html(SingleFileSnapshotExtension):
    file_extension = "html"
    _write_mode = WriteMode.TEXT


class Data(SingleFileSnapshotExtension):
    file_extension = "json"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("case", previews.CASES)
def test_the_comment_is_as_last_approved(case: str, summaries, snapshot: SnapshotAssertion) -> None:
    assert comment(summaries(previews.CASES[case]())) == snapshot.use_extension(Markdown)


@pytest.mark.parametrize("case", [case for case in previews.CASES if case != "thousand_changes"])
def test_the_page_tells_what_was_last_approved(case: str, summaries, snapshot: SnapshotAssertion) -> None:
    page = write_page(summaries(previews.CASES[case]()))
    # Script and style are the same in all pages; one golden page has them whole.
    (embedded,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.dumps(json.loads(embedded), indent=1, ensure_ascii=False)
    assert data + "\n" == snapshot.use_extension(Data)


def test_the_whole_page_is_as_last_approved(summaries, snapshot: SnapshotAssertion) -> None:
    page = write_page(summaries(previews.several_stacks()))
    assets = Path(__file__).parents[2] / "report" / "assets"
    for name in ("page.js", "page.css"):
        text = (assets / name).read_text()
        assert text in page
        page = page.replace(text, f"({name})")
    page = re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-…", page)
    assert page == snapshot.use_extension(Html)
