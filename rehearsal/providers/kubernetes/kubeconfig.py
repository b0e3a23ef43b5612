"""Finds and reads the kubeconfig, and says which cluster, user and namespace it selects.

Rules are client-go's (``tools/clientcmd``): a setting names a file or holds the contents; else ``KUBECONFIG`` lists
files of which the first to define a name wins; else ``~/.kube/config``; else the pod's own ServiceAccount. Relative
paths in a file are relative to it. Nothing here touches the network or the HTTP libraries, so that it can run on
every start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from .errors import ClusterUnavailableError
from .properties import mapping_at, objects_at

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATH_FIELDS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_REMEDY: Final = (
    "Set KUBECONFIG or the stack's `kubernetes:kubeconfig` to a kubeconfig, "
    "and `kubernetes:context` to one of its contexts"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The cluster that a configuration selects.

    ``document`` is a kubeconfig with exactly one context, and None inside a pod that uses its ServiceAccount.
    ``source`` names where it comes from, for messages; contents are never quoted.
    """

    source: str
    context: str
    server: str
    namespace: str
    document: dict[str, Any] | None = field(repr=False, default=None)


def select(kubeconfig: str | None, context: str | None, cluster: str | None) -> Selection:
    """Read the kubeconfig that these provider settings (None: not set) and the environment lead to.

    Raises ClusterUnavailableError when there is none, it cannot be read, or it lacks what is named.
    """
    if not kubeconfig and not os.environ.get("KUBECONFIG") and not _default_path().exists() and not context:
        if os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists():
            return _in_cluster()
        raise ClusterUnavailableError(
            f"no Kubernetes cluster is configured: neither the stack's `kubernetes:kubeconfig` nor KUBECONFIG "
            "is set and "
            f"{_default_path()} does not exist. {_REMEDY}."
        )
    source, document = _load(kubeconfig)
    return _select_context(source, document, context, cluster)


def active_cluster(kubeconfig: str | None, context: str | None, cluster: str | None) -> Mapping[str, Any] | None:
    """The ``cluster`` entry that such settings select; None where that cannot be told (used to compare two
    configurations)."""
    if not kubeconfig:
        return None
    try:
        selection = select(kubeconfig, context, cluster)
    except ClusterUnavailableError:
        return None
    return selection.document["clusters"][0]["cluster"] if selection.document else None


def _default_path() -> Path:
    return Path("~/.kube/config").expanduser()


def _in_cluster() -> Selection:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    namespace_file = SERVICE_ACCOUNT / "namespace"
    namespace = namespace_file.read_text().strip() if namespace_file.exists() else "default"
    address = f"[{host}]" if ":" in host else host
    return Selection("the pod's ServiceAccount", "in-cluster", f"https://{address}:{port}", namespace)


def _load(kubeconfig: str | None) -> tuple[str, dict[str, Any]]:
    if kubeconfig and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        return "the `kubeconfig` setting's contents", _parse("the `kubeconfig` setting's contents", kubeconfig, None)
    if kubeconfig:
        paths = [Path(kubeconfig).expanduser()]
        source = str(paths[0])
    else:
        listed = os.environ.get("KUBECONFIG") or str(_default_path())
        paths = [Path(item).expanduser() for item in listed.split(os.pathsep) if item]
        source = listed
    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": []}
    found = False
    for path in paths:
        try:
            text = path.read_text()
        except FileNotFoundError:
            continue  # client-go skips missing files of the list, too
        except (OSError, UnicodeDecodeError) as error:
            raise ClusterUnavailableError(f"the kubeconfig {path} cannot be read: {error}. {_REMEDY}.") from error
        found = True
        _merge(merged, _parse(str(path), text, path.parent))
    if not found:
        raise ClusterUnavailableError(f"the kubeconfig {source} does not exist. {_REMEDY}.")
    return source, merged


def _parse(source: str, text: str, folder: Path | None) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where PyYAML has it
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        # The parser's own message quotes the text, which holds credentials.
        raise ClusterUnavailableError(f"{source} is no valid YAML{where}. {_REMEDY}.") from None
    if not isinstance(document, dict):
        raise ClusterUnavailableError(
            f"{source} is no kubeconfig: it holds no mapping with clusters and contexts. {_REMEDY}."
        )
    if folder is not None:
        _resolve_paths(cast("dict[str, Any]", document), folder)
    return cast("dict[str, Any]", document)


def _resolve_paths(document: dict[str, Any], folder: Path) -> None:
    for section, entry_name in (("clusters", "cluster"), ("users", "user")):
        for entry in objects_at(document, section):
            fields = mapping_at(entry, entry_name)
            for name in _PATH_FIELDS:
                if fields.get(name):
                    fields[name] = str((folder / fields[name]).absolute())


def _merge(into: dict[str, Any], document: dict[str, Any]) -> None:
    for section in ("clusters", "contexts", "users"):
        known = {entry["name"] for entry in into[section]}
        into[section].extend(entry for entry in objects_at(document, section) if entry.get("name") not in known)
    if not into.get("current-context") and document.get("current-context"):
        into["current-context"] = document["current-context"]


def _select_context(source: str, document: dict[str, Any], context: str | None, cluster: str | None) -> Selection:
    name = context or document.get("current-context")
    if not name:
        raise ClusterUnavailableError(
            f"{source} names no current context and none is set. Contexts it has: "
            f"{_names(document, 'contexts')}. {_REMEDY}."
        )
    chosen = dict(_entry(source, document, "contexts", "context", name))
    if cluster:
        chosen["cluster"] = cluster
    target = _entry(source, document, "clusters", "cluster", chosen.get("cluster") or "")
    user_name = chosen.get("user") or ""
    user = dict(_entry(source, document, "users", "user", user_name)) if user_name else {}
    _read_token_file(source, user)
    if not target.get("server"):
        raise ClusterUnavailableError(f"{source}: cluster {chosen['cluster']!r} has no `server` address. {_REMEDY}.")
    chosen["user"] = user_name or "anonymous"
    single = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": chosen}],
        "clusters": [{"name": chosen["cluster"], "cluster": dict(target)}],
        "users": [{"name": chosen["user"], "user": user}],
    }
    return Selection(source, name, target["server"], chosen.get("namespace") or "default", single)


def _read_token_file(source: str, user: dict[str, Any]) -> None:
    """``tokenFile`` is read here, because kr8s knows only ``token``; it wins over a token, as in client-go."""
    path = user.pop("tokenFile", None)
    if path:
        try:
            user["token"] = Path(path).read_text().strip()
        except OSError as error:
            raise ClusterUnavailableError(
                f"{source}: the token file {path} cannot be read: {error}. {_REMEDY}."
            ) from error


def _entry(source: str, document: dict[str, Any], section: str, field_name: str, name: str) -> Mapping[str, Any]:
    for entry in objects_at(document, section):
        if entry.get("name") == name:
            return mapping_at(entry, field_name)
    raise ClusterUnavailableError(
        f"{source} has no {field_name} {name!r}; it has: {_names(document, section)}. {_REMEDY}."
    )


def _names(document: dict[str, Any], section: str) -> str:
    return ", ".join(str(entry.get("name")) for entry in objects_at(document, section)) or "none"
