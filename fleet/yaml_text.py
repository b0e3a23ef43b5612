"""YAML as people and editors read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml


class _Dumper(yaml.CSafeDumper):
    """Repeats a value instead of pointing to its first place."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(*documents: Any) -> str:
    """The documents in block style, keys in their order."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def yaml_documents(documents: Iterable[Any]) -> str:
    """Several documents of one file, each after a line with three dashes."""
    return "".join(f"---\n{yaml_text(document)}" for document in documents)
