"""What tests of components share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# pytest's plugin of hypothesis imports it at the end of a session that has not; after programs ran under mocks, that import fails
# every other time in CPython 3.11 ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
import pytest

from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Settings from the keys of a stack file (without the project's prefix), checked as a stack file is."""

    def make(environment: dict[str, str] | None = None, **keys: Any) -> Settings:
        values = {f"mendix-registry:{key}": value for key, value in keys.items()}
        return parse(values, surroundings=Surroundings(environment or {})).settings

    return make
