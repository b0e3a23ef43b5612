"""The process of a stand-in provider."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from rehearsal.providers.protocol import register_stub_namespaces


def run(module: str) -> None:
    """Serve the ``PACKAGE`` of ``module`` as a plugin until the engine ends."""
    os.umask(0o077)
    register_stub_namespaces()
    from rehearsal.providers import server
    from rehearsal.providers.standin.plugin import StandInProvider

    package = import_module(module).PACKAGE
    server.run(lambda address: StandInProvider(package, address), sys.argv[1:])
