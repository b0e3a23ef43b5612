"""What each stack of a fleet registers: the program itself is run for it, under Pulumi's mocks.

The program registers everything at once; no resource of it depends on what a cloud or a cluster answers (tests run the same stacks
to their end, with answers, and compare). So a run ends when the program has been gone through: a transformation has seen each
resource, and no output is ever known. Nothing is asked, and nothing here depends on the registry kind.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from fleet.problems import FleetError, FleetProblem
from mendix_registry.cloud_sdk import MODULES
from mendix_registry.deployment import deploy
from mendix_registry.stack_file import PROJECT, Settings

if TYPE_CHECKING:
    import pulumi

_PROVIDERS = "pulumi:providers:"
_ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"

_WORTH_A_PROCESS = 600
"""Namespaces. A process more takes three seconds, to import the SDKs, in which this many are counted."""

Progress = Callable[[int, int], None]
"""Is called with the number of stacks that are done, and of all."""


@dataclass(frozen=True, slots=True)
class Registrations:
    """What the program registers for one stack.

    ``resources`` are those that are created or imported, by Pulumi's type token, without providers. ``siblings`` is for each of
    these types the most that one component has. ``everything`` counts the registrations of any kind, ``components`` those of
    components, ``default_providers`` what the engine adds: a provider for each package that the program makes none for. ``reads``
    are objects that are only read, as (type, id). ``roles`` are the names of the roles that its RoleBindings give.
    """

    resources: Counter[str]
    siblings: Mapping[str, int]
    everything: int
    components: int
    default_providers: int
    reads: frozenset[tuple[str, str]]
    roles: frozenset[str]

    @property
    def state_writes(self) -> int:
        """How often the first update writes the state to a backend that is given all of it each time: before and after each
        resource, the stack itself and the default providers among them, and for what each component and the stack put out.

        Pulumi's CLI writes as often: ``writes`` in ``bench/updates.py`` counts.
        """
        return 2 * (1 + self.everything + self.default_providers) + 1 + self.components


def registrations(stacks: Sequence[Settings], progress: Progress | None = None) -> tuple[Registrations, ...]:
    """What the program registers for each of ``stacks``; many are shared out to a process for each processor.

    Raises:
        FleetError: the SDK of the stacks' cloud is not installed.
    """
    found: list[Registrations] = []
    for one in _results(stacks):
        found.append(one)
        if progress is not None:
            progress(len(found), len(stacks))
    return tuple(found)


def _results(stacks: Sequence[Settings]) -> Iterator[Registrations]:
    namespaces = sum(len(settings.namespaces) for settings in stacks)
    workers = min(os.cpu_count() or 1, len(stacks), 1 + namespaces // _WORTH_A_PROCESS)
    if workers < 2:
        yield from map(register, stacks)
        return
    # Not forked: a forked process has the threads' locks of this one, but not the threads.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(register, stacks)


def register(settings: Settings) -> Registrations:
    """What the program registers for one stack. Raises as :func:`registrations`."""
    import pulumi
    from pulumi.runtime import mocks
    from pulumi.runtime import settings as runtime

    seen: list[pulumi.ResourceTransformationArgs] = []
    # The SDK keeps one program in each process: of the one before, nothing may be left.
    runtime.set_root_resource(cast("Any", None))
    try:
        with _no_collection(), _no_stack_traces(), _nothing_in_the_background():
            mocks.set_mocks(_no_provider(), PROJECT, "fleet", preview=True)
            pulumi.runtime.register_stack_transformation(seen.append)
            deploy(settings)
        return _registrations(seen)
    except ModuleNotFoundError as error:
        _no_sdk(settings, error)
    finally:
        runtime.set_root_resource(cast("Any", None))
        cast("Any", runtime.SETTINGS).outputs.clear()


def _registrations(seen: Sequence[pulumi.ResourceTransformationArgs]) -> Registrations:
    import pulumi

    custom = [
        args
        for args in seen
        if isinstance(args.resource, pulumi.CustomResource) and not args.type_.startswith(_PROVIDERS)
    ]
    created = [args for args in custom if args.opts.id is None]
    packages = {args.type_.partition(":")[0] for args in custom}
    made = {args.type_.removeprefix(_PROVIDERS) for args in seen if args.type_.startswith(_PROVIDERS)}
    siblings: dict[str, int] = {}
    for (token, _), count in Counter((args.type_, id(args.opts.parent)) for args in created).items():
        siblings[token] = max(count, siblings.get(token, 0))
    return Registrations(
        resources=Counter(args.type_ for args in created),
        siblings=siblings,
        everything=len(seen),
        components=sum(not isinstance(args.resource, pulumi.CustomResource) for args in seen),
        default_providers=len(packages - made),
        reads=frozenset((args.type_, args.opts.id) for args in custom if isinstance(args.opts.id, str)),
        roles=frozenset(_role(args.props) for args in created if args.type_ == _ROLE_BINDING),
    )


def _role(props: Mapping[str, Any]) -> str:
    return props["role_ref"]["name"]


def _no_provider() -> Any:
    from pulumi.runtime import mocks

    class NoProvider(mocks.Mocks):
        """Is never asked, because the run ends before."""

        def new_resource(self, args: mocks.MockResourceArgs) -> NoReturn:
            raise AssertionError(args.typ)

        def call(self, args: mocks.MockCallArgs) -> NoReturn:
            raise AssertionError(args.token)

    return NoProvider()


@contextmanager
def _nothing_in_the_background() -> Generator[None]:
    """An event loop that never runs: what the SDK would do with a resource, its registration and each output's value, is a task of
    it. Three quarters of a run's time are these tasks."""

    def never(loop: asyncio.AbstractEventLoop, task: Any, **_: object) -> asyncio.Future[Any]:
        task.close()
        return loop.create_future()

    loop = asyncio.new_event_loop()
    loop.set_task_factory(never)
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.close()
        asyncio.set_event_loop(None)


@contextmanager
def _no_stack_traces() -> Generator[None]:
    """The SDK looks up the place in the source of each resource, for the engine to show: a third of a run's time."""
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        del sys.tracebacklimit


@contextmanager
def _no_collection() -> Generator[None]:
    """No search for unreachable objects while a stack's ten thousands are made: it takes two thirds of the time. Once, after."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _no_sdk(settings: Settings, error: ModuleNotFoundError) -> NoReturn:
    extra = settings.registry.sdk
    if extra is None or (error.name or "").partition(".")[0] != MODULES[extra]:
        raise error
    raise FleetError(
        [
            FleetProblem(
                f"config.{PROJECT}:registry.type",
                f"the SDK of {extra} is not installed",
                "resources are counted by running the program, and it imports its cloud's SDK",
                f"run 'uv sync --inexact --all-packages --extra {extra}' in the project, "
                f"or install mendix-registry-fleet[{extra}] where it is installed as a tool",
            )
        ]
    ) from None
