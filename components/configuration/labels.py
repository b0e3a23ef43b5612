"""Labels as the API server accepts them: of namespaces, and of nodes in a selector.

Source: ``k8s.io/apimachinery/pkg/util/validation`` (``IsQualifiedName``, ``IsValidLabelValue``), which validates both.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from components.configuration.problems import refusal
from components.configuration.references import DNS_SUBDOMAIN

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def _key(value: str) -> str:
    prefix, slash, name = value.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not DNS_SUBDOMAIN.fullmatch(prefix)):
        raise refusal(
            f"{value!r} is not the key of a label",
            "the API server rejects it: a key has 1 to 63 letters, digits, '-', '_' and '.', begins and ends with a letter or "
            "digit, and may have a DNS name and a slash before it",
            "write it as team or example.com/team",
        )
    return value


def _value(value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise refusal(
            f"{value!r} is not the value of a label",
            "the API server rejects it: a value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a "
            "letter or digit",
            "correct the value; other texts belong in an annotation",
        )
    return value


Labels: TypeAlias = dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]]
"""Keys and values of labels."""
