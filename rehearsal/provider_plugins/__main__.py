"""``python -m rehearsal.provider_plugins PACKAGE``: the process of the plugin for ``aws``, ``azure-native`` or ``gcp``."""

from __future__ import annotations

import sys
from importlib import import_module

from rehearsal.provider_plugins.framework.process import load_stubs_alone, run

if __name__ == "__main__":
    # What follows is the CLI's: flags for logs, and its address, to which there is nothing to report.
    name = sys.argv[1].replace("-", "_")
    load_stubs_alone()
    run(import_module(f"rehearsal.provider_plugins.{name}.package").PACKAGE)
