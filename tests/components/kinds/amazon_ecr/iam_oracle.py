"""Judges IAM documents by what others know of IAM: parliament's linter and policy-sentry's table of every service's actions."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

from policy_sentry.querying.all import get_all_actions


def _parliament() -> Any:
    """parliament asks setuptools' ``pkg_resources`` for the paths of two of its files; setuptools has dropped that module."""
    if "pkg_resources" not in sys.modules:
        module = ModuleType("pkg_resources")
        module.resource_filename = lambda package, name: str(files(package) / name)  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = module
        try:
            import parliament
        finally:
            del sys.modules["pkg_resources"]
        return parliament
    import parliament

    return parliament


@cache
def known_actions() -> frozenset[str]:
    """Every action of every service, spelled as AWS spells it."""
    return frozenset(get_all_actions())


def findings(document: str) -> list[str]:
    """What parliament says about an identity's policy, at any severity."""
    analyzed = _parliament().analyze_policy_string(document)
    return [f"{finding.issue}: {finding.detail}" for finding in analyzed.findings]


def statements(document: str) -> list[dict[str, Any]]:
    """The statements, with actions and resources as lists."""
    found = json.loads(document)["Statement"]
    for statement in found:
        for key in ("Action", "Resource"):
            if isinstance(statement.get(key), str):
                statement[key] = [statement[key]]
    return found


def unknown_actions(document: str) -> set[str]:
    """Actions that no service has, or not in this spelling."""
    return {action for statement in statements(document) for action in statement["Action"]} - known_actions()
