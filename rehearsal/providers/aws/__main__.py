"""``python -m rehearsal.providers.aws [engine address]``: the plugin's process."""

from __future__ import annotations

from rehearsal.providers.standin.run import run

if __name__ == "__main__":
    run("rehearsal.providers.aws.package")
