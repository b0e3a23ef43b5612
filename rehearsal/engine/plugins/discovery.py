"""Where a resource plugin is found.

The order is Pulumi's (``sdk/go/common/workspace/plugins.go``): a running server named by PULUMI_DEBUG_PROVIDERS, the
project's ``plugins:``, PATH, the plugin cache. Stand-ins come before all but the first: a rehearsal must never reach an
account because a real plugin happens to be installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.engine.errors import PluginError


@dataclass(frozen=True, slots=True)
class AttachedPlugin:
    """A provider that already listens on this port of the loopback address."""

    port: int


@dataclass(frozen=True, slots=True)
class PluginCommand:
    """A plugin to start: the command without its argument, the engine's address."""

    command: tuple[str, ...]
    origin: str


@dataclass(frozen=True, slots=True)
class ProjectPlugin:
    """An entry of ``plugins.providers`` in Pulumi.yaml: ``path`` is a directory; no version matches any."""

    name: str
    path: Path
    version: str = ""


@dataclass(frozen=True, slots=True)
class PluginSearch:
    project_plugins: Sequence[ProjectPlugin] = ()
    stand_ins: Mapping[str, Path] | None = None
    environment: Mapping[str, str] | None = None

    def find(self, package: str, version: str) -> AttachedPlugin | PluginCommand:
        """Raises PluginError, listing the places that were looked at."""
        environment = os.environ if self.environment is None else self.environment
        executable = f"pulumi-resource-{package}"

        port = _attached_port(environment.get("PULUMI_DEBUG_PROVIDERS", ""), package)
        if port is not None:
            return AttachedPlugin(port)

        stand_in = (self.stand_ins or {}).get(package)
        if stand_in is not None:
            return PluginCommand((str(stand_in),), "stand-in of the rehearsal")

        looked_at = ["PULUMI_DEBUG_PROVIDERS", "the rehearsal's stand-ins"]
        for plugin in self.project_plugins:
            if plugin.name == package and plugin.version in ("", version):
                return _from_directory(plugin.path, executable)
        looked_at.append("plugins.providers in Pulumi.yaml")

        if environment.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() not in ("1", "true"):
            found = shutil.which(executable, path=environment.get("PATH"))
            if found:
                return PluginCommand((found,), "PATH")
            looked_at.append("PATH")

        home = Path(environment.get("PULUMI_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".pulumi")
        cached = _cached(home / "plugins", package, version)
        if cached is not None:
            return _from_directory(cached, executable)
        looked_at.append(str(home / "plugins"))

        wanted = f"{package} {version}".strip()
        place = home / "plugins" / f"resource-{package}-v{version or 'X.Y.Z'}"
        raise PluginError(
            f"no plugin for the provider {wanted}: looked at {', '.join(looked_at)}. "
            f"Without it no resource of {package} can be previewed or changed. "
            f"Put an executable {executable} on PATH, or copy the plugin into {place}."
        )


def _attached_port(setting: str, package: str) -> int | None:
    for entry in setting.split(","):
        name, _, port = entry.strip().rpartition(":")
        if name == package:
            if not port.isdigit():
                raise PluginError(
                    f"PULUMI_DEBUG_PROVIDERS has {entry!r}: write it as name:port, such as {package}:12345."
                )
            return int(port)
    return None


def _cached(directory: Path, package: str, version: str) -> Path | None:
    exact = directory / f"resource-{package}-v{version}"
    if version:
        return exact if exact.is_dir() else None
    candidates = [path for path in directory.glob(f"resource-{package}-v*") if path.is_dir()]
    return max(candidates, key=lambda path: _version_key(path.name.rpartition("-v")[2]), default=None)


def _version_key(version: str) -> tuple[int, ...]:
    core = version.partition("-")[0].partition("+")[0]
    return tuple(int(part) for part in core.split(".") if part.isdigit())


def _from_directory(directory: Path, executable: str) -> PluginCommand:
    path = directory / executable
    if os.access(path, os.X_OK) and path.is_file():
        return PluginCommand((str(path),), str(directory))
    raise PluginError(
        f"the plugin directory {directory} holds no executable {executable}. "
        "The provider cannot be started. Name the directory that holds the plugin's executable, or make it executable."
    )
