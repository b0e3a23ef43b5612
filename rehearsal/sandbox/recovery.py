"""Puts right what an update that was killed has left behind, before the next one begins: processes, the lock, what it was making.

After such an end Pulumi needs a person: to release the stack (``cancel``), and to state of each creation that was under way whether
the thing exists and under which id. In the sandbox both can be found out: who held the lock, and what the emulators have. The state
is changed by Pulumi's commands only: ``cancel``, ``import``, ``refresh``. ``docs/operations.md`` has the same steps for a person.

``refresh --import-pending-creates`` is not among them: in the CLI 3.274 it forgets the creation and imports nothing.

Objects of Kubernetes need no import. Their names follow from the stack file, and a server-side apply takes over what is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rehearsal.sandbox.event_log import events, plain
from rehearsal.sandbox.locks import locks
from rehearsal.sandbox.processes import end_plugins_without_cli
from rehearsal.sandbox.pulumi import PulumiError

if TYPE_CHECKING:
    from rehearsal.sandbox.pulumi import Sandbox

_STACK_TYPE = "pulumi:pulumi:Stack"
_CLOUDS = ("aws", "azure-native", "gcp")
# How the CLI's error begins where a plugin died in the middle of a call ("… EOF", "… connection reset by peer"). A call that
# found no plugin any more has changed nothing.
_CUT_OFF = ("error reading from server: ", "transport is closing")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done. ``imported`` and ``deleted`` name resources (``Role mendix-orders``), ``unfinished`` counts operations;
    ``failed`` is why an import did not work; ``restored`` is true where the state was unreadable and one before took its place."""

    imported: Sequence[str] = ()
    deleted: Sequence[str] = ()
    unfinished: int = 0
    failed: str = ""
    restored: bool = False


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operation whose end the state does not have."""

    creates: bool
    type: str
    urn: str
    parent: str
    provider: str
    inputs: Mapping[str, Any]

    @property
    def package(self) -> str:
        return self.type.partition(":")[0]

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[-1]

    @property
    def shown(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name}"


def recover(sandbox: Sandbox) -> Recovery | None:
    """Recover the stack from an update that did not end well; None where none did, which costs no call of the CLI.

    Leaves a stack alone that an update is running on: the CLI reports it itself. Raises PulumiError where a command fails.
    """
    left = locks(sandbox.home / "state", sandbox.project.name, sandbox.stack)
    if any(lock.held() for lock in left) or not (left or sandbox.event_log.is_file()):
        return None
    end_plugins_without_cli(Path(sandbox.additions["PULUMI_HOME"]))
    restored = sandbox.state_file.restore()
    if left:
        sandbox.run("cancel", "--yes", "--stack", sandbox.stack)
    deployment: dict[str, Any] = json.loads(sandbox.run("stack", "export", "--stack", sandbox.stack))["deployment"]
    pending = [_pending(entry) for entry in deployment.get("pending_operations") or ()]
    resources = cast("list[dict[str, Any]]", deployment.get("resources") or [])
    lost = _lost(sandbox.event_log, {str(resource["urn"]) for resource in resources}) if restored else ()
    unfinished = list({item.urn: item for item in (*lost, *_cut_off(sandbox.event_log), *pending)}.values())
    if not unfinished and not restored:
        return Recovery() if left else None
    recovery = _take_in(sandbox, [item for item in unfinished if item.creates and item.package in _CLOUDS], resources)
    # Also where nothing is pending: a deletion that was cut off has left a resource in the state that is gone.
    sandbox.run(*sandbox.command("refresh", "--yes", "--skip-preview", "--clear-pending-creates")[1:])
    sandbox.event_log.unlink(missing_ok=True)
    return Recovery(recovery.imported, recovery.deleted, len(unfinished), recovery.failed, restored)


def _pending(entry: Mapping[str, Any]) -> _Operation:
    return _operation(entry["type"] == "creating", entry["resource"])


def _operation(creates: bool, resource: Mapping[str, Any]) -> _Operation:
    kind, urn, parent, provider = (str(resource.get(key) or "") for key in ("type", "urn", "parent", "provider"))
    return _Operation(creates, kind, urn, parent, provider, resource.get("inputs") or {})


def _lost(log: Path, known: Collection[str]) -> Iterator[_Operation]:
    """Creations that a state from before them does not have."""
    for event in events(log):
        metadata = event.get("resourcePreEvent", {}).get("metadata", {})
        if str(metadata.get("op", "")).startswith("create") and metadata["urn"] not in known:
            yield _operation(True, metadata["new"])


def _cut_off(log: Path) -> Iterator[_Operation]:
    """Operations that failed because their plugin died. The CLI drops them from the state."""
    failed: dict[str, _Operation] = {}
    reasons: dict[str, list[str]] = {}
    for event in events(log):
        if "diagnosticEvent" in event:
            found = event["diagnosticEvent"]
            if found.get("severity") == "error":
                reasons.setdefault(str(found.get("urn", "")), []).append(plain(str(found.get("message", ""))))
        elif "resOpFailedEvent" in event:
            metadata = event["resOpFailedEvent"]["metadata"]
            resource = metadata.get("new") or metadata.get("old")
            if resource:
                failed[metadata["urn"]] = _operation(str(metadata["op"]).startswith("create"), resource)
    for urn, operation in failed.items():
        if any(reason.startswith(_CUT_OFF) for reason in reasons.get(urn, ())):
            yield operation


def _take_in(sandbox: Sandbox, creations: Sequence[_Operation], resources: Sequence[Mapping[str, Any]]) -> Recovery:
    """Take what a cloud has of ``creations`` into the state."""
    if not creations:
        return Recovery()
    states = {str(resource["urn"]): resource for resource in resources}
    questions: list[dict[str, Any]] = [
        {
            "type": item.type,
            "inputs": item.inputs,
            "settings": states.get(_urn(item.provider), {}).get("inputs") or {},
            "known": [resource["id"] for resource in resources if resource["type"] == item.type and "id" in resource],
            # An import cannot take the place of what the state has, nor can another creation under the same name.
            "replaces": item.urn in states,
            "replaced_is_gone": bool(states.get(item.urn, {}).get("pendingReplacement")),
        }
        for item in creations
    ]
    answers = _ask_clouds(sandbox, questions)
    found = [(item, answer["id"]) for item, answer in zip(creations, answers, strict=True) if answer["id"]]
    deleted = [item.shown for item, answer in zip(creations, answers, strict=True) if answer["deleted"]]
    if not found:
        return Recovery(deleted=deleted)
    try:
        _import(sandbox, found, states)
    except PulumiError as error:
        return Recovery(deleted=deleted, failed=str(error))
    return Recovery([item.shown for item, _ in found], deleted)


def _ask_clouds(sandbox: Sandbox, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Ask the emulators as the plugins do. Raises PulumiError with their words."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "rehearsal.provider_plugins.left_behind"],
        input=json.dumps(questions),
        env={**sandbox.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PulumiError(
            "The last update was killed, and the emulators could not be asked what it has left: "
            f"{done.stderr.strip().splitlines()[-1:] or 'no reason given'}\nRun the same command again."
        )
    return json.loads(done.stdout)


def _import(sandbox: Sandbox, found: Sequence[tuple[_Operation, str]], states: Mapping[str, Mapping[str, Any]]) -> None:
    names: dict[str, str] = {}
    entries: list[dict[str, Any]] = []
    for item, identity in found:
        entry = {"type": item.type, "name": item.name, "id": identity}
        if item.parent and f"::{_STACK_TYPE}::" not in item.parent:
            entry["parent"] = names.setdefault(item.parent, f"name{len(names)}")
        provider = _urn(item.provider)
        if provider.split("::", 3)[-1].startswith("default"):
            entry["version"] = states[provider]["inputs"]["version"]
        else:
            entry["provider"] = names.setdefault(provider, f"name{len(names)}")
        entries.append(entry)
    document = {"nameTable": {name: urn for urn, name in names.items()}, "resources": entries}
    with tempfile.NamedTemporaryFile("w", dir=sandbox.home, prefix="import-", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        flags = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false", "--file", file.name)
        sandbox.run(*sandbox.command("import", *flags)[1:])


def _urn(reference: str) -> str:
    """The URN in a reference to a provider, which ends in the provider's id."""
    return reference.rpartition("::")[0]
