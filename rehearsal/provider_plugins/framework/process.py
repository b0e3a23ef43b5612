"""The process of a provider plugin: it listens, prints its port, and ends with the CLI that started it."""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    import grpc

    from rehearsal.provider_plugins.framework.package import Package

# As Pulumi's own plugins: a state with a large object is one message.
_MESSAGE_BYTES: Final = 400 * 1024 * 1024
_THREADS: Final = 64
# The CLI kills a plugin 5 s after it has asked it to end.
_GRACE: Final = 3.0  # seconds for calls that run


def load_stubs_alone() -> None:
    """Make ``pulumi.runtime.proto`` importable without the SDK around it, whose import takes longer than all else here.

    Only for a process that is a plugin and nothing else: afterwards ``import pulumi`` gives an empty namespace.
    Raises ModuleNotFoundError when the ``pulumi`` wheel is not installed.
    """
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package pulumi is not installed. Run `uv sync` in the project.")
    for name, folder in (("pulumi", ""), ("pulumi.runtime", "runtime")):
        namespace = ModuleType(name)
        namespace.__path__ = [str(Path(spec.origin).parent / folder)]
        sys.modules[name] = namespace


def served(package: Package[Any]) -> tuple[grpc.Server, int]:
    """A server of the package's provider that runs already, and its port."""
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from rehearsal.provider_plugins.framework.plugin import ProviderPlugin

    sizes = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=sizes)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderPlugin(package), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _noticed(*_: object) -> None:
    """Handles a signal whose coming is all that matters."""


def run(package: Package[Any]) -> NoReturn:
    """Serve the package's provider until the CLI ends this process or is gone itself, and end the process.

    Calls that run may finish first: what they did in the cloud has to get into the state.
    """
    os.umask(0o077)
    signalled, wake = os.pipe()
    os.set_blocking(wake, False)
    # Not a lock that the handler releases: the kernel may give a signal to any thread, and the main one, which runs Python's
    # handlers, would then wait on. This pipe is written to by whichever thread is given it.
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _noticed)
    ends = [signalled]
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        # The CLI holds the other end of this pipe and writes nothing: it closes when the CLI ends, also by SIGKILL.
        ends.append(0)
    server, port = served(package)
    print(port, flush=True)
    select.select(ends, [], [])
    server.stop(_GRACE).wait()
    # At once, because the CLI waits for it, and taking down a vendor's SDK in good order takes long.
    sys.stderr.flush()
    os._exit(0)
