"""Comments of what cannot be recorded, as they were last looked at and found right. After a wanted change:
``pytest tests/report/test_golden.py --snapshot-update``, then read the difference.
"""

from __future__ import annotations

import previews
import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from report.comment import comment


class Markdown(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("case", previews.CASES)
def test_the_comment_is_as_last_approved(case: str, summaries, snapshot: SnapshotAssertion) -> None:
    assert comment(summaries(previews.CASES[case]())) == snapshot.use_extension(Markdown)
