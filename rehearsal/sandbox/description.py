"""What a stack file means, as the library describes it. Nothing here knows the file's keys, their defaults or a name's rule.

The description is the JSON that ``python -m mendix_registry describe`` prints: the components are run, not imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from rehearsal.cluster.paths import write_atomically
from rehearsal.sandbox.project import Project, UsageError

_SECONDS = 60
_WRONG, _UNREADABLE = 1, 2
"""Exit statuses: the program would reject the stack file; there is none, or it is not YAML."""
_NOTHING_DEPLOYED = "Nothing was deployed. Correct the stack file and run the same command again."


_KNOWN: dict[tuple[Path, bytes], Description] = {}
"""What this command has described, by stack file and its content: `prove` opens the sandbox of a stack more than once."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of a stack.

    ``account`` is the ServiceAccount that builds. ``identity`` is who pushes and ``what`` that is, each empty where there is
    none or it is not known; ``given`` is true where it exists without the stack.
    """

    name: str
    repository: str
    account: str
    identity: str
    what: str
    given: bool

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        identity: Mapping[str, Any] = document["plan"]["identity"] or {}
        return cls(
            document["name"],
            document["repository"] or "",
            document["serviceAccount"]["name"],
            identity.get("name") or "",
            identity.get("what", ""),
            identity.get("origin", "created") != "created",
        )


@dataclass(frozen=True, slots=True)
class Description:
    """A stack as it is described.

    ``settings`` are all keys of the stack file with their defaults, of which ``registry`` and ``authentication`` are parts;
    ``place`` is where the registry is, with hosts, null where only the cloud knows it; ``providers`` are other packages' keys;
    ``prerequisites`` are what must exist before the stack, each what it is and its name, objects of the cluster with their
    namespace; ``variables`` gives by each setting that is taken from an environment variable that variable's name.
    """

    kind: str
    settings: Mapping[str, Any]
    place: Mapping[str, Any]
    providers: Mapping[str, Any]
    namespaces: Sequence[Namespace]
    prerequisites: Sequence[tuple[str, str]]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From what the library prints."""
        return cls(
            document["registry"]["type"],
            document["settings"],
            document["registry"],
            document["providers"],
            [Namespace.of(each) for each in document["namespaces"]],
            [(needed["what"], needed["name"]) for needed in document["prerequisites"] if needed["name"]],
            {
                setting.partition(":")[2]: needed["name"]
                for needed in document["prerequisites"]
                for setting in needed.get("for", ())
            },
        )

    @property
    def registry(self) -> Mapping[str, Any]:
        return self.settings["registry"]

    @property
    def authentication(self) -> Mapping[str, Any]:
        """Empty where the registry has none, or one word for it."""
        value: Any = self.registry.get("authentication")
        return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

    @property
    def method(self) -> str:
        return str(self.authentication.get("method", ""))

    @property
    def push_host(self) -> str:
        return self.place.get("pushHost") or ""

    @property
    def pull_host(self) -> str:
        return self.place.get("pullHost") or ""


def begin(project: Project, stack: str, kept: Path, *, deploys: bool = True) -> Callable[[], Description]:
    """Start to describe a stack; the function that is returned waits for the description, which is kept in the file ``kept``.

    Where nothing is deployed, that file describes a stack whose stack file has become wrong, so that it can still be destroyed.

    That function raises UsageError for a stack file that is not YAML, or that the program would reject, with all that is wrong;
    RuntimeError where the library does not work.
    """
    file = project.stack_path(stack)
    key = file, file.read_bytes()
    if known := _KNOWN.get(key):
        return lambda: known
    library = project.root / "components"
    made_from = _made_from(key, library)
    if kept_document := _still_right(kept, made_from):
        known = _KNOWN.setdefault(key, Description.of(kept_document))
        return lambda: known
    paths = [str(library), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(  # noqa: S603 - an argument list made here, no shell
        [sys.executable, "-m", "mendix_registry", "describe", "--stack", stack],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def described() -> Description:
        output, errors = process.communicate(timeout=_SECONDS)
        if process.returncode == _UNREADABLE:
            raise UsageError(errors.strip().removeprefix("error: "))
        if process.returncode == _WRONG and "Traceback" not in errors:
            if deploys or not kept.is_file():
                raise UsageError(f"The stack file is wrong.\n\n{errors.strip()}\n\n{_NOTHING_DEPLOYED}")
            return Description.of(json.loads(kept.read_text(encoding="utf-8"))["description"])
        if process.returncode != 0:
            raise RuntimeError(f"`python -m mendix_registry describe --stack {stack}` failed:\n{errors.strip()}")
        document = json.loads(output)
        write_atomically(kept, json.dumps({"madeFrom": made_from, "description": document}))
        return _KNOWN.setdefault(key, Description.of(document))

    return described


def _still_right(kept: Path, made_from: str) -> dict[str, Any] | None:
    """The kept description, where another one would be the same: it is of this stack file by this library, and took nothing from
    variables or other files, whose contents are not kept."""
    try:
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if found.get("madeFrom") != made_from:
        return None
    document: dict[str, Any] = found["description"]
    variables = [each for each in document["prerequisites"] if each["what"] == "environment variable"]
    if any(each["name"] in os.environ or not each.get("missing") for each in variables):
        return None
    return None if _reads_a_file(document["settings"]) else document


def _reads_a_file(value: Any) -> bool:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return bool(mapping.get("secret") is True and "file" in mapping) or any(map(_reads_a_file, mapping.values()))
    return isinstance(value, list) and any(map(_reads_a_file, cast("list[Any]", value)))


def _made_from(key: tuple[Path, bytes], library: Path) -> str:
    digest = hashlib.sha256(repr((key, sys.executable)).encode())
    for path in sorted(library.rglob("*.py")):
        found = path.stat()
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
