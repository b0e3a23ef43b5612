"""`preview --json` against the shape of Pulumi's PreviewDigest, and the object of `up --json`."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from rehearsal.cli import outcome
from rehearsal.cli.digest import PreviewDigest
from rehearsal.cli.picture import message_text
from rehearsal.cli.tree import Tree
from rehearsal.engine.events import Diagnostic, Event, Finished, Op, PolicyReference, Severity

from . import recorded

# Written from the field tags of pulumi's PreviewDigest, PreviewStep, PropertyDiff and PreviewDiagnostic.
_RESOURCE = {"type": "object", "required": ["urn", "custom", "type"]}
DIGEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "config": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["op", "urn", "detailedDiff"],
                "properties": {
                    "op": {"enum": [op.value for op in Op]},
                    "urn": {"type": "string", "pattern": "^urn:pulumi:"},
                    "provider": {"type": "string", "minLength": 1},
                    "oldState": _RESOURCE,
                    "newState": _RESOURCE,
                    "diffReasons": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    "replaceReasons": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    "detailedDiff": {
                        "type": ["object", "null"],
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["kind", "inputDiff"],
                            "properties": {
                                "kind": {
                                    "enum": [
                                        "add",
                                        "add-replace",
                                        "delete",
                                        "delete-replace",
                                        "update",
                                        "update-replace",
                                    ]
                                },
                                "inputDiff": {"type": "boolean"},
                            },
                        },
                    },
                },
            },
        },
        "diagnostics": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "urn": {"type": "string", "minLength": 1},
                    "prefix": {"type": "string", "minLength": 1},
                    "message": {"type": "string", "minLength": 1},
                    "severity": {"enum": ["info", "warning", "error"]},
                },
            },
        },
        "duration": {"type": "integer", "minimum": 1},
        "changeSummary": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"enum": [op.value for op in Op]},
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
        "maybeCorrupt": {"const": True},
    },
}


def _digest(events: list[Event]) -> dict[str, Any]:
    digest = PreviewDigest()
    for event in events:
        digest(event)
    document = json.loads(digest.text())
    jsonschema.validate(document, DIGEST_SCHEMA)
    return document


def test_a_preview_lists_changes_and_the_stack_but_nothing_unchanged_and_no_halves_of_a_replacement() -> None:
    document = _digest(recorded.previewed_changes())
    assert [(step["op"], step["urn"].rsplit("::", 1)[-1]) for step in document["steps"]] == [
        ("same", "mendix-registry-local"),
        ("update", "builder"),
        ("replace", "verify"),
        ("delete", "trust"),
    ]


def test_a_step_has_pulumis_fields() -> None:
    step = _digest(recorded.previewed_changes())["steps"][1]
    assert step["detailedDiff"]["metadata.labels.gone"] == {"kind": "delete", "inputDiff": True}
    assert step["diffReasons"] == ["metadata", "secrets"]
    assert "replaceReasons" not in step
    assert step["oldState"]["id"] == "mendix-apps/builder"
    assert step["newState"]["inputs"]["metadata"]["labels"] == {"a.b/c": "2"}


def test_config_duration_and_counts() -> None:
    document = _digest(recorded.previewed_changes())
    assert document["config"] == {"mendix-registry:password": "[secret]"}
    assert document["duration"] == 1_500_000_000
    assert document["changeSummary"] == {"delete": 1, "replace": 1, "same": 2, "update": 1}


def test_a_step_without_a_detailed_diff_says_null() -> None:
    steps = _digest(recorded.successful_up())["steps"]
    assert all(step["detailedDiff"] is None for step in steps)
    assert "oldState" not in steps[0]


def test_messages_in_progress_and_for_debugging_are_left_out() -> None:
    events = [
        *recorded.successful_up()[:-1],
        Diagnostic(Severity.DEBUG, "only for us"),
        Finished(True, 1.0, {"create": 5}, {}),
    ]
    messages = [entry["message"] for entry in _digest(events)["diagnostics"]]
    assert messages == [
        "warning: quay.io repositories must exist before a push",
        "1 namespace, 1 registry\n",
    ]


def test_nothing_at_all_is_an_empty_object() -> None:
    assert _digest([Finished(True, 0.0, {}, {})]) == {}


UP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["stack", "ok", "seconds", "changes", "outputs", "pushed", "policies", "cancelled", "error"],
    "properties": {
        "stack": {"type": "string"},
        "ok": {"type": "boolean"},
        "seconds": {"type": "number"},
        "changes": {"type": "object", "additionalProperties": {"type": "integer"}},
        "outputs": {"type": "object"},
        "policies": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["pack", "version", "policy", "mandatory", "urn", "message"],
                "properties": {
                    "mandatory": {"type": "boolean"},
                    **{key: {"type": "string"} for key in ("pack", "version", "policy", "urn", "message")},
                },
            },
        },
        "cancelled": {"type": "boolean"},
        "error": {"type": ["string", "null"]},
        "pushed": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["namespace", "reference", "digest", "pushedAs", "pulled"],
                "properties": {
                    name: {"type": "string"} for name in ("namespace", "reference", "digest", "pushedAs", "pulled")
                },
            },
        },
    },
}


def test_the_object_of_up() -> None:
    document = outcome.document("local", Finished(True, 7.4, {"create": 5}, recorded.PUSHED), 8.25)
    jsonschema.validate(document, UP_SCHEMA)
    assert document["seconds"] == 8.25
    (push,) = document["pushed"]
    assert (push["namespace"], push["digest"]) == ("orders", recorded.DIGEST)
    assert push["pulled"].startswith("localhost:32000/")


def test_the_object_of_a_failed_up_tells_the_reason() -> None:
    document = outcome.document("local", Finished(False, 1.0, {}, {}, "the disk is full"), 1.0)
    jsonschema.validate(document, UP_SCHEMA)
    assert (document["ok"], document["error"], document["pushed"]) == (False, "the disk is full", [])


VIOLATION = Diagnostic(
    Severity.ERROR,
    "[mandatory] house v1.0.0 label: Labels are decent.\nlabel bad is forbidden.",
    "urn:pulumi:dev::example::test:index:Thing::indecent",
    policy=PolicyReference("house", "1.0.0", "label", mandatory=True),
)


def test_a_violation_is_a_diagnostic_of_the_preview() -> None:
    (entry,) = _digest([VIOLATION, Finished(False, 1.0, {}, {}, "1 violation of mandatory policies")])["diagnostics"]
    assert entry["severity"] == "error"
    assert entry["urn"] == VIOLATION.urn
    assert entry["message"].startswith("error: [mandatory] house v1.0.0 label: Labels are decent.")


def test_the_object_of_up_has_what_policies_said_and_names_the_resource_that_was_never_made() -> None:
    tree = Tree()
    tree.apply(VIOLATION, 0.0)
    document = outcome.document("local", Finished(False, 1.0, {}, {}, "refused"), 1.0, tree.messages)
    jsonschema.validate(document, UP_SCHEMA)
    (entry,) = document["policies"]
    assert (entry["pack"], entry["policy"], entry["mandatory"]) == ("house", "label", True)
    assert entry["urn"] == VIOLATION.urn
    assert "indecent" in message_text(tree, tree.messages[0]).plain
