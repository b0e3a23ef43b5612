"""The program's own process: does what Pulumi's language host does to start a Python program, and nothing more.

Run by path, never imported: the program must find its own modules first on ``sys.path`` and must not see the engine's.
Exit status: 0 the program ran, 32 it failed and the reason has been printed (Pulumi's "run process failed" status), else a crash.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

PROGRAM_FAILED = 32
PROGRAM_REFUSED = 33
KNOWN_SDK = "3.272.0"


def _settings() -> dict[str, Any]:
    """What the engine says on standard input, once it is ready. Secrets come with it, and neither by the command line nor by the
    environment, which others of this user's processes can read."""
    text = sys.stdin.buffer.read()
    # From here on there is nothing to be read, as for any program of Pulumi's.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, sys.stdin.fileno())
    os.close(null)
    if not text:
        # The engine found a reason not to run the program, or has died.
        os._exit(PROGRAM_FAILED)
    return json.loads(text)


def _drop_debug_messages() -> None:
    """Debug messages are off unless PULUMI_DEBUG_LOG asks for them.

    The SDK sends each one as a blocking call to the engine, five or more per resource, only for the engine to drop it:
    measured as most of the time of a large program. Dropping them at the source changes nothing that anyone can see.
    """
    import pulumi.log

    def drop(*_: Any, **__: Any) -> None:
        return None

    pulumi.log.debug = drop


def _wait_in_linear_time() -> None:
    """Replace the SDK's wait for outstanding outputs by one that costs the same per resource however many there are.

    `wait_for_rpcs` of pulumi 3.272 re-registers a callback on *every* pending output each time *one* completes:
    quadratic, and at 1,000 resources already nine tenths of the program's time. Waiting for the first exception or the last
    completion sees the same tasks and the same errors. Only the version that was read is replaced.
    """
    from pulumi._version import _VERSION  # pyright: ignore[reportPrivateUsage]
    from pulumi.runtime import stack
    from pulumi.runtime.settings import SETTINGS

    settings: Any = SETTINGS

    if _VERSION != KNOWN_SDK:
        return

    async def wait_for_rpcs(await_all_outstanding_tasks: bool = True) -> None:
        manager = settings.rpc_manager
        while True:
            while manager.rpcs:
                await asyncio.sleep(0)
                try:
                    await manager.rpcs.pop()
                except Exception as error:
                    if manager.unhandled_exception is not None:
                        raise error from manager.unhandled_exception.with_traceback(manager.exception_traceback)
                    raise
            if manager.unhandled_exception is not None:
                raise manager.unhandled_exception.with_traceback(manager.exception_traceback)
            while await_all_outstanding_tasks and settings.outputs:
                with settings.lock:
                    pending = list(settings.outputs)
                    settings.outputs.clear()
                done, unfinished = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
                with settings.lock:
                    settings.outputs.update(unfinished)
            if not manager.rpcs:
                return

    stack.wait_for_rpcs = wait_for_rpcs


def _locate_by_one_frame() -> None:
    """Replace the SDK's stack trace of a registration by its first frame, the line that made the resource.

    `_get_stack_trace` of pulumi 3.272 reads the source line of every frame and renders each as a URI, for each resource:
    measured as a fifth of the time of a large program. The engine records the first frame only, as the source position.
    """
    from pulumi._version import _VERSION  # pyright: ignore[reportPrivateUsage]
    from pulumi.runtime import resource
    from pulumi.runtime.proto import source_pb2

    if _VERSION != KNOWN_SDK:
        return

    @lru_cache(maxsize=1024)
    def uri_of(path: str) -> str | None:
        return Path(path).as_uri() if Path(path).is_absolute() else None

    def first_frame() -> Any:
        frame = inspect.currentframe()
        constructors = 0
        while frame is not None:
            # As in the SDK: the constructors of Resource, of CustomResource or ComponentResource, of the resource itself.
            constructors += frame.f_code.co_name == "__init__"
            caller = frame.f_back
            if constructors == 3 and caller is not None:
                uri = uri_of(caller.f_code.co_filename)
                position = source_pb2.SourcePosition(uri=uri, line=caller.f_lineno) if uri else None
                return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])
            frame = caller
        return source_pb2.StackTrace()

    resource._get_stack_trace = first_frame  # pyright: ignore[reportPrivateUsage]


def main() -> int:
    program = Path(sys.argv[1]).resolve()
    # Replace this file's directory by the program's, as `python PROGRAM` would have it.
    sys.path[0] = str(program if program.is_dir() else program.parent)
    sys.argv = [str(program)]

    import pulumi
    import pulumi.runtime

    if os.environ.get("PULUMI_DEBUG_LOG") != "true":
        _drop_debug_messages()
    _wait_in_linear_time()
    _locate_by_one_frame()

    from pulumi.runtime.config import set_all_config

    told = _settings()
    set_all_config(told["config"], told["secret_keys"])
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=told["monitor"],
            engine=told["engine"],
            project=told["project"],
            stack=told["stack"],
            parallel=told["parallel"],
            dry_run=told["dry_run"],
            organization=told["organization"],
            root_directory=told["root_directory"],
        )
    )

    # Registrations are long-lived objects: the collector, which would walk all of them again and again, is told to
    # come by less often (half of the time of a program with 10,000 resources otherwise).
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(1, told["parallel"])))

    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        # The one kind of error whose text is written for users; a traceback would bury it.
        pulumi.log.error(str(error))
        return PROGRAM_REFUSED
    except Exception:
        pulumi.log.error(f"the program failed with an unhandled exception:\n{traceback.format_exc()}")
        return PROGRAM_FAILED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    status = main()
    # Threads of unfinished calls must not keep a finished program alive.
    os._exit(status)
