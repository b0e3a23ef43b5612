"""Takes one context out of a user's kubeconfig files, as its own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from rehearsal.cluster.errors import ClusterError

_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def kubeconfig_files(environment: Mapping[str, str]) -> list[Path]:
    """The files kubectl would read: ``KUBECONFIG`` (a colon-separated list), else ``~/.kube/config``."""
    named = [Path(part).expanduser() for part in environment.get("KUBECONFIG", "").split(":") if part]
    return named or [Path("~/.kube/config").expanduser()]


def kubeconfig_of_context(context: str, files: list[Path]) -> str:
    """A kubeconfig that holds ``context`` alone and makes it the current one.

    So that nothing of the rehearsal can reach another cluster, and a later ``kubectl config use-context`` changes
    nothing. The first file that defines a name wins, as with kubectl. Raises :class:`ClusterError`.
    """
    documents = [(path, _load(path)) for path in files if path.is_file()]
    found = _named(documents, "contexts", context)
    if found is None:
        known = sorted({entry["name"] for _, document in documents for entry in _entries(document, "contexts")})
        where = ", ".join(str(path) for path in files)
        raise ClusterError(
            f"There is no context {context!r} in {where}.",
            f"Known contexts: {', '.join(known)}." if known else "The files are missing or name no context.",
        )
    body: dict[str, Any] = found["context"]
    cluster = _named(documents, "clusters", str(body.get("cluster", "")))
    user = _named(documents, "users", str(body.get("user", "")))
    if cluster is None or user is None:
        raise ClusterError(
            f"The context {context!r} names a cluster or user that no kubeconfig file defines.",
            "Repair it with `kubectl config set-context`.",
        )
    result = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [found],
        "clusters": [cluster],
        "users": [user],
    }
    return yaml.safe_dump(result, sort_keys=False)


def _load(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"The kubeconfig {path} cannot be read: {error}", "Repair it, or set KUBECONFIG.") from error
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _entries(document: dict[str, Any], section: str) -> list[dict[str, Any]]:
    return document.get(section) or []


def _named(documents: list[tuple[Path, dict[str, Any]]], section: str, name: str) -> dict[str, Any] | None:
    for path, document in documents:
        for entry in _entries(document, section):
            if entry.get("name") == name:
                return _absolute(entry, section.removesuffix("s"), path.resolve().parent)
    return None


def _absolute(entry: dict[str, Any], key: str, directory: Path) -> dict[str, Any]:
    """The entry with the files it names made absolute: they are relative to the kubeconfig they stand in."""
    body: dict[str, Any] = dict(entry.get(key) or {})
    for name in _FILE_KEYS:
        if body.get(name):
            body[name] = str(directory / body[name])
    plugin: dict[str, Any] = body.get("exec") or {}
    # A bare name is looked up on PATH.
    if "/" in str(plugin.get("command", "")):
        body["exec"] = {**plugin, "command": str(directory / plugin["command"])}
    return {"name": entry["name"], key: body}
