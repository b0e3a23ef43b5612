"""The greeting of every plugin process: the first line it prints is the port it listens on."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.engine.errors import PluginError
from rehearsal.engine.events import Severity
from rehearsal.engine.plugins.process import ChildProcess

START_SECONDS = 60.0


async def announced_port(process: ChildProcess, hear: Callable[[Severity, str], None]) -> int:
    """The port that a fresh process prints. What it prints later goes to ``hear``. Raises PluginError."""

    def heard(line: str, stream: str) -> None:
        hear(Severity.INFO if stream == "stderr" else Severity.DEBUG, line)

    try:
        first = await process.first_line(START_SECONDS)
    except TimeoutError:
        first = None
    process.listen(heard)
    if first and first.isdigit():
        return int(first)
    if first is None:
        problem = f"did not print its port within {START_SECONDS:.0f} s"
    elif not first:
        await process.wait()
        raise PluginError(f"{process.obituary()}\nIt has to print the port it listens on. See its output above.")
    else:
        problem = f"printed {first!r} where its port was expected"
    await process.end()
    raise PluginError(f"{process.name} {problem}. {process.obituary()}")
