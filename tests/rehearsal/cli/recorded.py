"""Event lists as the engine emits them, shared by the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.engine.events import (
    Diagnostic,
    Event,
    Finished,
    Left,
    Op,
    OutputsRegistered,
    ProgramOutput,
    PropertyDiff,
    Severity,
    Started,
    Step,
    StepFinished,
    StepStarted,
)

ROOT = "urn:pulumi:local::mendix-registry::pulumi:pulumi:Stack::mendix-registry-local"
COMPONENT = "urn:pulumi:local::mendix-registry::mendix-registry:generic:GenericRegistry::apps"
PROVIDER = "urn:pulumi:local::mendix-registry::pulumi:providers:kubernetes::cluster::6c1f"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

DIGEST = "sha256:" + "3f9c" * 16
PUSHED = {
    "registry": {"type": "generic", "pushHost": "registry.mendix-rehearsal.svc.cluster.local:5000"},
    "namespaces": {
        "orders": {
            "repository": "mendixapps/orders",
            "pushedAs": "builder",
            "pushed": f"registry.mendix-rehearsal.svc.cluster.local:5000/mendixapps/orders:verify-3f9c3f9c3f9c@{DIGEST}",
            "digest": DIGEST,
            "pulled": f"localhost:32000/mendixapps/orders@{DIGEST}",
        },
        "unproved": {"repository": "mendixapps/unproved", "pushedAs": "builder", "pushed": None},
    },
    "mxpcConfiguration": "[secret]",
}


def state(urn: str, type_: str, parent: str, inputs: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "urn": urn,
        "custom": not type_.startswith(("mendix-registry:", "pulumi:pulumi:")),
        "type": type_,
        "inputs": dict(inputs or {}),
        "parent": parent,
        **more,
    }


def step(
    op: Op,
    type_: str,
    name: str,
    parent: str = COMPONENT,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    **more: Any,
) -> Step:
    urn = f"urn:pulumi:local::mendix-registry::mendix-registry:generic:GenericRegistry${type_}::{name}"
    if parent == ROOT:
        urn = f"urn:pulumi:local::mendix-registry::{type_}::{name}"
    before = None if old is None else state(urn, type_, parent, old, id=f"mendix-apps/{name}")
    after = None if new is None else state(urn, type_, parent, new)
    return Step(op=op, urn=urn, type=type_, provider=PROVIDER, old=before, new=after, **more)


STACK = Step(
    Op.CREATE,
    ROOT,
    "pulumi:pulumi:Stack",
    "",
    None,
    {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"},
    custom=False,
)
APPS = step(Op.CREATE, "mendix-registry:generic:GenericRegistry", "apps", ROOT, new={})
ACCOUNT = step(
    Op.CREATE,
    "kubernetes:core/v1:ServiceAccount",
    "builder",
    new={"metadata": {"name": "builder", "namespace": "mendix-apps"}, "imagePullSecrets": [{"name": UNKNOWN}]},
)
SECRET = step(
    Op.CREATE,
    "kubernetes:core/v1:Secret",
    "pull-secret",
    new={"metadata": {"name": "mendix-registry"}, "stringData": "[secret]", "type": "kubernetes.io/dockerconfigjson"},
)
JOB = step(Op.CREATE, "kubernetes:batch/v1:Job", "verify", new={"spec": {"backoffLimit": 3}})

STARTED = Started("up", "mendix-registry", "local", {"mendix-registry:registry": '{"type":"generic"}'}, 0)


def begin(*steps: Step) -> list[Event]:
    return [StepStarted(one) for one in steps]


def end(*steps: Step, seconds: float = 0.3) -> list[Event]:
    return [StepFinished(one, seconds) for one in steps]


def successful_up() -> list[Event]:
    return [
        STARTED,
        *begin(STACK, APPS),
        *end(STACK, APPS, seconds=0.1),
        *begin(ACCOUNT, SECRET),
        *end(SECRET, ACCOUNT),
        *begin(JOB),
        Diagnostic(Severity.INFO, "pod verify-x7k2p: pulling image", JOB.urn, ephemeral=True),
        Diagnostic(Severity.WARNING, "quay.io repositories must exist before a push", APPS.urn),
        ProgramOutput("1 namespace, 1 registry", "stdout"),
        *end(JOB, seconds=6.2),
        OutputsRegistered(ROOT, PUSHED),
        Finished(True, 7.4, {"create": 5}, PUSHED),
    ]


def failed_up() -> list[Event]:
    reason = "the pod verify-x7k2p failed: UNAUTHORIZED: authentication required\nThe registry refused the password."
    return [
        STARTED,
        *begin(STACK, APPS),
        *end(STACK, APPS, seconds=0.1),
        *begin(ACCOUNT, SECRET),
        *end(SECRET, ACCOUNT),
        *begin(JOB),
        StepFinished(JOB, 12.0, reason, Left.RECORDED),
        Finished(False, 13.1, {"create": 4}, {}, "1 resource failed"),
    ]


def previewed_changes() -> list[Event]:
    same = step(Op.SAME, "kubernetes:core/v1:Secret", "pull-secret", old={"a": 1}, new={"a": 1})
    update = step(
        Op.UPDATE,
        "kubernetes:core/v1:ServiceAccount",
        "builder",
        old={"metadata": {"name": "builder", "labels": {"a.b/c": "1", "gone": "x"}}, "secrets": [{"name": "one"}]},
        new={
            "metadata": {"name": "builder", "labels": {"a.b/c": "2"}},
            "secrets": [{"name": "one"}, {"name": UNKNOWN}],
        },
        diff_reasons=("metadata", "secrets"),
        detailed_diff={
            'metadata.labels["a.b/c"]': PropertyDiff("update", True),
            "metadata.labels.gone": PropertyDiff("delete", True),
            "secrets[1]": PropertyDiff("add", True),
        },
    )
    old = {"spec": {"image": "krane:1", "command": "a\nb\nc"}}
    new = {"spec": {"image": "krane:2", "command": "a\nB\nc"}}
    parts = [
        step(op, "kubernetes:batch/v1:Job", "verify", old=old, new=new, replace_reasons=("spec",))
        for op in (Op.CREATE_REPLACEMENT, Op.REPLACE, Op.DELETE_REPLACED)
    ]
    gone = step(Op.DELETE, "kubernetes:core/v1:ConfigMap", "trust", old={"data": {"ca.crt": "[secret]"}})
    stack = Step(Op.SAME, ROOT, STACK.type, "", STACK.new, STACK.new, custom=False)
    events: list[Event] = [
        Started("preview", "mendix-registry", "local", {"mendix-registry:password": "[secret]"}, 5),
        *begin(stack),
        *end(stack),
    ]
    for one in (same, update, *parts, gone):
        events += [*begin(one), *end(one)]
    return [*events, Finished(True, 1.5, {"same": 2, "update": 1, "replace": 1, "delete": 1}, {})]
