"""Tags of ECR repositories that could not be overwritten, and can be from now on.

Source: ECR API, ImageTagMutability: filters exclude tags from the setting, so in ``IMMUTABLE_WITH_EXCLUSION`` they name what is
mutable, in ``MUTABLE_WITH_EXCLUSION`` what is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from access_documents.patterns import covers, may_meet
from report.values import at, is_unknown, listing, text

_FILTERS: Final = "imageTagMutabilityExclusionFilters"
_MORE: Final = "More tags become mutable: an image can be replaced under its name."
_EVERY: Final = "Every tag becomes mutable: an image can be replaced under its name."


def newly_mutable(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The filters that let more tags be overwritten, where the setting itself does not simply become mutable."""
    was, becomes = text(old.get("imageTagMutability")), text(new.get("imageTagMutability"))
    if any(is_unknown(side.get(key)) for side in (old, new) for key in ("imageTagMutability", _FILTERS)):
        return
    before, after = _filters(old), _filters(new)
    if was.startswith("IMMUTABLE") and becomes == "IMMUTABLE_WITH_EXCLUSION":
        mutable = before if was == "IMMUTABLE_WITH_EXCLUSION" else []
        for each in after:
            if not any(covers(other, each) for other in mutable):
                yield _MORE if each.strip("*") else _EVERY, each
    elif was == "MUTABLE_WITH_EXCLUSION" and becomes == "IMMUTABLE_WITH_EXCLUSION":
        for each in after:
            if any(may_meet(other, each) for other in before):
                yield _MORE if each.strip("*") else _EVERY, each
    elif was == "MUTABLE_WITH_EXCLUSION":
        immutable = after if becomes == "MUTABLE_WITH_EXCLUSION" else [] if becomes != "IMMUTABLE" else ["*"]
        for each in before:
            if not any(covers(other, each) for other in immutable):
                yield _MORE, each


def _filters(inputs: Mapping[str, Any]) -> list[str]:
    return [text(at(each, "filter")) for each in listing(inputs.get(_FILTERS)) if text(at(each, "filter"))]
