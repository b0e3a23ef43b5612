"""Descriptions as the rehearsal gets them, of stack files that are only a test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mendix_registry.settings.values import Surroundings, Variables
from mendix_registry.stack_file import parse
from mendix_registry.stack_file.description import describe
from mendix_registry.stack_file.file import load
from rehearsal.sandbox.description import Description
from tests.conftest import ROOT


def described(registry: Mapping[str, Any], *namespaces: Mapping[str, Any], **keys: Any) -> Description:
    """What a stack file with this ``registry`` means; ``keys`` are its others. Of the variables that it reads, none is
    set."""
    config = {
        "registry": {"repository": "apps/{namespace}", **registry},
        "namespaces": namespaces or [{"name": "orders"}],
    }
    values = {f"mendix-registry:{key}": value for key, value in (config | keys).items()}
    variables = Variables({})
    settings = parse(values, surroundings=Surroundings(variables, Path(), unknown=True)).settings
    return _printed(describe(settings, "dev", variables.asked, values))


def described_stack(stack: str, root: Path = ROOT) -> Description:
    """What a stack file of the project in ``root`` means, which may be one of the examples."""
    file, variables = load(stack, root), Variables({})
    reading, _ = file.check(variables, unknown=True)
    assert reading is not None
    return _printed(describe(reading.settings, stack, variables.asked, file.values))


def _printed(document: dict[str, Any]) -> Description:
    return Description.of(json.loads(json.dumps(document)))
