from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.state import Backend, PassphraseSecrets, ResourceState, Session

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="session")
def secrets() -> PassphraseSecrets:
    """Made once: a key takes a third of a second."""
    return PassphraseSecrets.create(PASSPHRASE, source="the test")


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path / "state")


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def start(backend: Backend, secrets: PassphraseSecrets, notices: list[str]) -> Callable[[], Session]:
    """Opens the stack ``dev`` of the project ``shop`` for an update."""
    return lambda: backend.open("shop", "dev", secrets, notice=notices.append)


@pytest.fixture
def make() -> Callable[..., ResourceState]:
    """A state of a resource named ``name``; ``id`` is new each time unless given."""
    numbers = itertools.count(1)

    def _make(name: str, *, parent: ResourceState | None = None, **fields: Any) -> ResourceState:
        prefix = ""
        if parent is not None:
            fields["parent"] = parent.urn
            prefix = f"{parent.urn.split('::')[2]}$"
        fields.setdefault("type", "test:index:Thing")
        fields.setdefault("id", f"id-{next(numbers)}")
        return ResourceState(urn=f"urn:pulumi:dev::shop::{prefix}{fields['type']}::{name}", **fields)

    return _make
