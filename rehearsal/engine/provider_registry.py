"""The providers of one update: started once, configured by their provider resources, ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.engine import urn as urns
from rehearsal.engine.errors import EngineError
from rehearsal.engine.events import Severity
from rehearsal.engine.plugins.discovery import PluginSearch
from rehearsal.engine.plugins.provider import Provider
from rehearsal.engine.properties import UNKNOWN, contains_unknowns
from rehearsal.engine.state import ResourceState

REFERENCE_SEPARATOR = "::"


def reference(state: ResourceState) -> str:
    """``<urn>::<id>``, as resource states name their provider."""
    return f"{state.urn}{REFERENCE_SEPARATOR}{state.id or UNKNOWN}"


def urn_of_reference(text: str) -> str:
    return text.rpartition(REFERENCE_SEPARATOR)[0]


def is_default(urn: str) -> bool:
    name = urns.name_of(urn)
    return name == "default" or name.startswith("default_")


def default_name(version: str) -> str:
    return f"default_{''.join(c if c.isalnum() else '_' for c in version)}" if version else "default"


@dataclass(slots=True)
class ProviderRegistry:
    search: PluginSearch
    root: Path
    program: Path
    environment: Mapping[str, str]
    say: Callable[[Severity, str, str], None]
    engine_address: str = ""
    _by_reference: dict[str, Provider] = field(default_factory=dict[str, Provider])
    _starting: dict[str, asyncio.Task[Provider]] = field(default_factory=dict[str, "asyncio.Task[Provider]"])
    _defaults: dict[tuple[str, str], asyncio.Task[str]] = field(
        default_factory=dict[tuple[str, str], "asyncio.Task[str]"]
    )
    _spare: dict[tuple[str, str], asyncio.Task[Provider]] = field(
        default_factory=dict[tuple[str, str], "asyncio.Task[Provider]"]
    )
    _all: list[Provider] = field(default_factory=list[Provider])

    async def _start(self, package: str, version: str) -> Provider:
        found = self.search.find(package, version)

        def hear(severity: Severity, line: str) -> None:
            self.say(severity, line, "")

        provider = await Provider.start(
            package,
            found,
            engine_address=self.engine_address,
            root=self.root,
            program=self.program,
            environment=self.environment,
            hear=hear,
        )
        self._all.append(provider)
        return provider

    def start_ahead(self, package: str, version: str = "") -> None:
        """Start a plugin that will be asked for, while the program is still importing its SDKs. With no version: for the first
        version that is asked for, if that is the same plugin. A package that has one started already is left at that."""
        if not any(other == package and version in ("", known) for other, known in self._spare):
            self._spare[package, version] = asyncio.create_task(self._start(package, version))

    async def start(self, package: str, version: str) -> Provider:
        """A plugin instance for one provider resource, not yet configured. Raises PluginError."""
        spare = self._spare.pop((package, version), None)
        if (
            spare is None
            and (package, "") in self._spare
            and self.search.find(package, "") == self.search.find(package, version)
        ):
            spare = self._spare.pop((package, ""))
        return await spare if spare is not None else await self._start(package, version)

    def add(self, state: ResourceState, provider: Provider) -> None:
        """``provider`` is configured as ``state`` says. Its URN alone would not do: a provider that is replaced stays, under
        the same URN, until what it made is deleted."""
        self._by_reference[reference(state)] = provider

    def get(self, provider_reference: str) -> Provider:
        """The provider that a resource names. Raises EngineError where no such provider was registered."""
        provider = self._by_reference.get(provider_reference)
        if provider is None:
            raise EngineError(
                f"the provider {urn_of_reference(provider_reference)} is named by a resource but has not been registered. "
                "Pass a provider resource of this program, or none to use the default one."
            )
        return provider

    async def ensure(self, state: ResourceState) -> Provider:
        """The provider of an *old* provider state, started and configured as recorded: for deletes and refreshes."""
        key = reference(state)
        provider = self._by_reference.get(key)
        if provider is not None and provider.configured:
            return provider
        task = self._starting.get(key)
        if task is None:
            task = asyncio.create_task(self._start_configured(state))
            self._starting[key] = task
        return await asyncio.shield(task)

    async def _start_configured(self, state: ResourceState) -> Provider:
        provider = await self.start(urns.package_of(state.type), version_of(state))
        if not contains_unknowns(state.inputs):
            await provider.configure(state.urn, state.id, state.inputs)
        return self._by_reference.setdefault(reference(state), provider)

    async def default(self, package: str, version: str, register: Callable[[], Awaitable[str]]) -> str:
        """The reference of the default provider of a package version, registered at its first use."""
        key = (package, version)
        task = self._defaults.get(key)
        if task is None:
            task = asyncio.ensure_future(register())
            self._defaults[key] = task  # pyright: ignore[reportArgumentType] - register() is a coroutine, so this is a Task
        return await asyncio.shield(task)

    async def cancel(self) -> None:
        await asyncio.gather(*(provider.cancel() for provider in self._all))

    async def stop(self) -> None:
        for task in [*self._spare.values(), *self._starting.values()]:
            if not task.done():
                task.cancel()
        await asyncio.gather(*self._spare.values(), *self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(provider.stop() for provider in self._all), return_exceptions=True)


def version_of(state: ResourceState) -> str:
    version = state.inputs.get("version")
    return version if isinstance(version, str) else ""
