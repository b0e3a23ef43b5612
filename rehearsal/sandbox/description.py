"""What a stack file means, as the library describes it: names that follow from it are not copied here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, cast

from rehearsal.sandbox.project import Project

_SECONDS = 60


def describe(project: Project, stack: str) -> Mapping[str, Any]:
    """``python -m mendix_registry describe``: one object. Empty where the stack file is wrong, which the program reports."""
    library = project.root / "components"
    paths = [str(library), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(  # noqa: S603 - an argument list made here, no shell
        [sys.executable, "-m", "mendix_registry", "describe", "--stack", stack],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return cast("Mapping[str, Any]", json.loads(done.stdout)) if done.returncode == 0 else {}


def identities(description: Mapping[str, Any]) -> dict[str, str]:
    """By namespace, the name of the identity that pushes for it; a namespace without one, or without a known name, is left out."""
    found: dict[str, str] = {}
    for namespace in description.get("namespaces", ()):
        identity = namespace["plan"]["identity"]
        if identity and identity["name"]:
            found[namespace["name"]] = identity["name"]
    return found
