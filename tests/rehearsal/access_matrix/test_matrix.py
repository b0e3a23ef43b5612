"""What the matrix calls as expected: what worked where it should, and refusals that an emulator decided for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.access_matrix.aws import without
from rehearsal.access_matrix.matrix import Attempt, Cell, Matrix, RefusedError, carry_out

DECIDED = {
    "number": 1,
    "service": "sts",
    "allowed": False,
    "reason": "the subject is system:serviceaccount:billing:builder",
}


def _raise(error: Exception) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def _cell(run: Callable[[], None], *, expected: bool, decided: list[dict[str, Any]], because: str = "billing") -> Cell:
    attempt = Attempt("orders", "it", expected, run, "sts", because)
    (cell,) = carry_out([attempt], _record(decided), lambda _: None)
    return cell


def _record(decided: list[dict[str, Any]]) -> Callable[[int], list[dict[str, Any]]]:
    asked = iter([[], decided])
    return lambda _: next(asked)


def test_what_works_and_should_is_as_expected() -> None:
    assert _cell(lambda: None, expected=True, decided=[]).as_expected


def test_what_works_and_should_not_is_found() -> None:
    cell = _cell(lambda: None, expected=False, decided=[])
    assert (cell.outcome, cell.as_expected) == ("allowed", False)


def test_a_denial_counts_only_with_the_expected_reason() -> None:
    refused = _raise(RefusedError("403"))
    assert _cell(refused, expected=False, decided=[DECIDED]).as_expected
    assert not _cell(refused, expected=False, decided=[DECIDED], because="expired").as_expected
    undecided = _cell(refused, expected=False, decided=[])
    assert not undecided.as_expected
    assert "no emulator recorded a decision" in undecided.reason


def test_an_error_on_the_way_is_never_a_rejection() -> None:
    cell = _cell(_raise(ConnectionError("no route")), expected=False, decided=[DECIDED])
    assert (cell.outcome, cell.as_expected) == ("error", False)


def test_an_empty_matrix_proves_nothing() -> None:
    assert Matrix("s", ()).document()["ok"] is False


@pytest.mark.parametrize("action", ["a:One", "a:Two", "b:Only"])
def test_removing_an_action_leaves_a_valid_document(action: str) -> None:
    document_ = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["a:One", "a:Two"], "Resource": "x"},
            {"Effect": "Allow", "Action": "b:Only", "Resource": "*"},
        ],
    }
    left = without(document_, action)
    assert action not in str(left)
    assert all(statement["Action"] for statement in left["Statement"])
