"""What an identity may do with images, in the words that all clouds share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

PULL: Final = ("pull",)
PUSH: Final = ("pull", "push")
"""A push reads too: which layers are there already."""
DELETE: Final = (*PUSH, "delete")
ADMINISTER: Final = (*DELETE, "administer")
"""Changing permissions included."""


def is_expected(verbs: Collection[str]) -> bool:
    """Whether verbs are what builds and nodes need: to push and to pull, and nothing else."""
    return bool(verbs) and set(verbs) <= set(PUSH)
