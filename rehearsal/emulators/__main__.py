"""``python -m rehearsal.emulators SETTINGS``: the clouds' process."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path


def main() -> None:
    os.umask(0o077)
    from rehearsal.emulators.service import serve

    asyncio.run(serve(Path(sys.argv[1])))
    # All is written by now. Taking down every module of moto in good order takes as long as half a start.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
