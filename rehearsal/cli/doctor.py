"""``rehearse doctor``: every check with its finding, and what to do about the ones that failed."""

from __future__ import annotations

import json as json_format
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from rehearsal.cli.terminal import open_terminal
from rehearsal.cli.text import clean, clean_line


def examine(cwd: Path, *, json: bool) -> int:
    """Exit status 0 where nothing is in the way of a rehearsal, else 1."""
    from rehearsal.cluster import doctor
    from rehearsal.sandbox import home_directory
    from rehearsal.sandbox.project import load_project

    project = load_project(cwd)
    checks = doctor(home_directory(project.root, os.environ))
    well = all(check.ok for check in checks)
    if json:
        document = {"ok": well, "checks": [asdict(check) for check in checks]}
        json_format.dump(document, sys.stdout, indent=4, default=str)
        print()
        return 0 if well else 1
    console = open_terminal(json=False).console
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        line = Text()
        line.append(" ✓ " if check.ok else " ✗ ", style="green" if check.ok else "bold red")
        line.append(f"{clean_line(check.name):<{width}}  ", style="bold")
        line.append(clean_line(check.detail))
        console.print(line, soft_wrap=True)
        if check.remedy and not check.ok:
            for part in clean(check.remedy).splitlines():
                console.print(Text(f"   {'':<{width}}  → {part}", style="yellow"), soft_wrap=True)
    failed = sum(not check.ok for check in checks)
    if well:
        console.print(Text("Nothing is in the way of a rehearsal.", style="bold green"))
    else:
        console.print(Text(f"{failed} of {len(checks)} checks failed; fix them from top to bottom.", style="bold red"))
    return 0 if well else 1
