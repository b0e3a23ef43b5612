"""Replacements that an earlier update has left half done."""

from __future__ import annotations

import previews
import pytest

from report.comment import comment

OLD = previews.repository("mendixapps/orders", forceDelete=True)


def test_a_pending_deletion_counts_as_a_change(summaries) -> None:
    """The preview listed one `delete-replaced` alone, and the comment said that nothing changes."""
    stack = previews.Stack()
    stack.outputs = previews.outputs_of("orders")
    stack.step("delete-replaced", previews.ECR_REPOSITORY, "orders", "", None, OLD)
    stacks = summaries([stack.document()])
    assert stacks[0].changed == 1
    assert [risk.kind for risk in stacks[0].risks] == ["data loss"]
    written = comment(stacks)
    assert "an old copy, which an earlier update has replaced but not yet deleted" in written
    assert "nothing changes" not in written


@pytest.mark.parametrize("whole", ["replace", "create-replacement"])
def test_half_of_a_replacement_is_shown_once(whole: str, summaries) -> None:
    stack = previews.Stack()
    stack.step(whole, previews.ECR_REPOSITORY, "orders", "", previews.repository("b"), OLD)
    stack.step("delete-replaced", previews.ECR_REPOSITORY, "orders", "", None, OLD)
    (report,) = summaries([stack.document()])
    assert [change.op for change in report.changes] == ["replace"]
