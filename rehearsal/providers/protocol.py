"""Loads the gRPC stubs of the ``pulumi`` wheel without loading the SDK around them.

``import pulumi.runtime.proto`` runs ``pulumi/__init__.py`` first, which imports the whole SDK (automation API,
OpenTelemetry, dynamic providers): about 0.35 s of the 0.55 s that a provider would need to start. A provider is no
Pulumi program and uses only the generated messages, so the two parent packages are registered as plain namespaces.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def register_stub_namespaces() -> None:
    """Make ``pulumi.runtime.proto`` importable on its own.

    Only for a process that is a provider plugin, or the engine, and nothing else: afterwards ``import pulumi`` gives the empty
    namespace. Does nothing where the SDK is already loaded.

    Raises ModuleNotFoundError when the ``pulumi`` wheel is not installed.
    """
    if "pulumi" in sys.modules:
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the pulumi package is not installed: run `make up`, or `uv sync`, in the project")
    root = Path(spec.origin).parent
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        namespace = ModuleType(name)
        namespace.__path__ = [str(folder)]
        sys.modules[name] = namespace
    sys.modules["pulumi"].runtime = sys.modules["pulumi.runtime"]  # type: ignore[attr-defined]
