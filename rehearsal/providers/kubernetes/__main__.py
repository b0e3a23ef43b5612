"""``python -m rehearsal.providers.kubernetes [engine address]``: the plugin's process."""

from __future__ import annotations

import os
import sys

from rehearsal.providers.protocol import register_stub_namespaces


def main() -> None:
    # Keys that a kubeconfig holds inline pass through files; none may be readable by others.
    os.umask(0o077)
    register_stub_namespaces()
    from rehearsal.providers.server import run

    from .plugin import KubernetesProvider

    run(KubernetesProvider, sys.argv[1:])


if __name__ == "__main__":
    main()
