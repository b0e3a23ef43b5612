"""What the emulators denied during an update that failed: clients often hide it and go on without an identity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rehearsal.cli.text import clean_line

_SHOWN = 5


def print_denials(console: Console, environment: Mapping[str, str], since: float) -> None:
    """Print each denial since a time (seconds of the epoch) once, the latest last; nothing where there was none."""
    told = dict.fromkeys(_denials(environment, since))
    if not told:
        return
    console.print(Text("\nRequests that the emulators denied:", style="bold"))
    for line in list(told)[-_SHOWN:]:
        console.print(Text(f"  {clean_line(line)}"), soft_wrap=True)


def _denials(environment: Mapping[str, str], since: float) -> list[str]:
    authority = environment.get("REHEARSAL_CLOUD_CA_FILE")
    endpoint = next((value for key, value in environment.items() if key.endswith("_ENDPOINT")), None)
    if not authority or not endpoint:
        return []
    import httpx

    from rehearsal.access_matrix.decisions import decisions
    from rehearsal.access_matrix.registry import Service

    service = Service(endpoint.removeprefix("https://").partition(":")[0], Path(authority))
    try:
        found = decisions(service)(0)
    except (httpx.HTTPError, OSError, ValueError):
        # The update has failed already, with its reason: this only adds to it.
        return []
    return [
        f"{item['service']} {item['action']} for {item['subject'] or 'an anonymous client'}: {item['reason']}"
        for item in found
        if not item["allowed"] and float(item["time"]) >= since
    ]
