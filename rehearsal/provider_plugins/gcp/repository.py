"""Artifact Registry repositories.

Source of the properties: the schema of pulumi-gcp 10 (``gcp:artifactregistry/repository:Repository``) and the discovery document
``artifactregistry.v1``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, cast

from rehearsal.emulators.rules import Entries, Fields, Flag, Items, Number, Text
from rehearsal.provider_plugins.framework.properties import UNKNOWN, Properties, has_unknown
from rehearsal.provider_plugins.framework.resource import CloudError, Created, Input, Live
from rehearsal.provider_plugins.gcp.cloud import GoogleError
from rehearsal.provider_plugins.gcp.resource import DELETION_POLICY, PROJECT, GcpResource

_FORMATS = ("DOCKER", "MAVEN", "NPM", "APT", "YUM", "GOOGET", "PYTHON", "KFP", "GO", "GENERIC", "RUBY", "CONDA")
_PREFIXES = Items(Text())
_DURATIONS = ("olderThan", "newerThan")
_CLEANUP_POLICY = Fields(
    {
        "id": Text(shortest=1, longest=127),
        "action": Text(choices=("DELETE", "KEEP")),
        "condition": Fields(
            {
                "tagState": Text(choices=("TAGGED", "UNTAGGED", "ANY")),
                "tagPrefixes": _PREFIXES,
                "olderThan": Text(r"\d+(\.\d+)?[smhd]"),
                "newerThan": Text(r"\d+(\.\d+)?[smhd]"),
                "packageNamePrefixes": _PREFIXES,
                "versionNamePrefixes": _PREFIXES,
            }
        ),
        "mostRecentVersions": Fields({"keepCount": Number(), "packageNamePrefixes": _PREFIXES}),
    },
    required=("id",),
)
_UPDATABLE = (
    "cleanupPolicies", "cleanupPolicyDryRun", "description", "dockerConfig", "labels", "vulnerabilityScanningConfig",
)  # fmt: skip
_IMPORT = re.compile(
    r"(?:projects/)?(?P<project>[^/]+)/(?:locations/)?(?P<location>[^/]+)/(?:repositories/)?(?P<id>[^/]+)"
)


class Repository(GcpResource):
    type = "gcp:artifactregistry/repository:Repository"
    inputs = {
        "repositoryId": Input(Text(shortest=1), required=True, replaces=True),
        "format": Input(Text(choices=_FORMATS), required=True, replaces=True),
        "location": Input(Text(r"[a-z0-9-]+"), replaces=True, filled_in=True),
        "project": PROJECT,
        "mode": Input(
            Text(choices=("STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY")),
            replaces=True,
            default="STANDARD_REPOSITORY",
        ),
        "description": Input(Text()),
        "labels": Input(Entries(Text(r"[a-z][a-z0-9_-]*", 1, 63), Text(r"[a-z0-9_-]*", 0, 63), 64)),
        "kmsKeyName": Input(Text(), replaces=True),
        "dockerConfig": Input(Fields({"immutableTags": Flag()})),
        "cleanupPolicies": Input(Items(_CLEANUP_POLICY), unordered=True),
        "cleanupPolicyDryRun": Input(Flag()),
        "vulnerabilityScanningConfig": Input(
            Fields(
                {
                    "enablementConfig": Text(choices=("INHERITED", "DISABLED")),
                    # Outputs of the service, which an imported resource has among its inputs.
                    "enablementState": Text(),
                    "enablementStateReason": Text(),
                }
            )
        ),
        "mavenConfig": Input(replaces=True),
        "remoteRepositoryConfig": Input(replaces=True),
        "virtualRepositoryConfig": Input(),
        "deletionPolicy": DELETION_POLICY,
    }
    computed = (
        "name",
        "createTime",
        "updateTime",
        "registryUri",
        "effectiveLabels",
        "pulumiLabels",
        "project",
        "location",
    )
    secrets = frozenset({"effectiveLabels", "pulumiLabels"})
    changing = frozenset({"updateTime"})

    @classmethod
    def check(cls, inputs: Properties) -> list[tuple[str, str]]:
        problems: list[tuple[str, str]] = []
        for index, policy in enumerate(cast("list[dict[str, Any]]", inputs.get("cleanupPolicies") or [])):
            if policy.get("mostRecentVersions") and policy.get("condition"):
                problems.append(
                    (
                        f"cleanupPolicies[{index}]",
                        "only one of `condition` and `most_recent_versions` can be given",
                    )
                )
        return problems

    def derived(self, inputs: Properties) -> Properties:
        labels = inputs.get("labels")
        made = UNKNOWN if has_unknown(labels) else self.cloud.labels(labels or {})
        known: Properties = {"effectiveLabels": made, "pulumiLabels": made}
        for key, fallback in (("project", self.cloud.project), ("location", self.cloud.region)):
            if inputs.get(key) is None and fallback:
                known[key] = fallback
        return known

    def create(self, inputs: Properties) -> Created:
        project, location = self.project(inputs), str(inputs.get("location") or self.cloud.region)
        if not location:
            raise CloudError(
                "Cannot determine location: set in this resource, or set provider-level 'region' or 'zone'."
            )
        parent = f"projects/{project}/locations/{location}"
        action = "Error creating Repository"
        body = {**_body(inputs), "labels": self.cloud.labels(inputs.get("labels") or {})}
        operation = self.cloud.call(action, "POST", f"{parent}/repositories", body, repositoryId=inputs["repositoryId"])
        self.cloud.finished(action.replace("creating", "waiting to create"), operation)
        return Created(f"{parent}/repositories/{inputs['repositoryId']}")

    def read(self, identity: str, state: Properties) -> Live | None:
        name = self._name(identity)
        live = self.found(f'Error when reading or editing ArtifactRegistryRepository "{name}"', name)
        if live is None:
            return None
        _, project, _, location, _, repository = name.split("/")
        labels: dict[str, str] = live.get("labels") or {}
        given = cast("dict[str, str]", state.get("labels") or {})
        implied = self.cloud.labels({})
        scanning = cast("dict[str, Any]", live.get("vulnerabilityScanningConfig") or {})
        policies = cast("dict[str, dict[str, Any]]", live.get("cleanupPolicies") or {})
        before = cast("list[dict[str, Any]]", state.get("cleanupPolicies") or [])
        written = {str(policy["id"]): policy for policy in before}
        inputs: Properties = {
            "repositoryId": repository,
            "location": location,
            "project": project,
            "format": live.get("format"),
            "mode": live.get("mode"),
            "deletionPolicy": self.deletion_policy(state),
            "description": live.get("description"),
            "kmsKeyName": live.get("kmsKeyName"),
            "dockerConfig": live.get("dockerConfig"),
            "cleanupPolicyDryRun": live.get("cleanupPolicyDryRun", False if "cleanupPolicyDryRun" in state else None),
            "cleanupPolicies": [_policy(item, written.get(key, {})) for key, item in policies.items()] or None,
            "vulnerabilityScanningConfig": {"enablementConfig": scanning["enablementConfig"]} if scanning else None,
            "labels": {key: value for key, value in labels.items() if key in given or implied.get(key) != value},
        }
        outputs = {
            "name": repository,
            "createTime": live["createTime"],
            "updateTime": live["updateTime"],
            "registryUri": live["registryUri"],
            "effectiveLabels": labels,
            "pulumiLabels": self.cloud.labels(given),
            "project": project,
            "location": location,
        }
        return Live(name, inputs, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        location = inputs.get("location") or self.cloud.region
        name = f"projects/{self.project(inputs)}/locations/{location}/repositories/{inputs['repositoryId']}"
        return name if self.found("Error when reading Repository", name) else None

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        changed = [key for key in _UPDATABLE if old.get(key) != new.get(key)]
        if not changed:
            return  # only the deletion policy, which the provider keeps to itself
        body = {key: value for key, value in _body(new).items() if key in changed}
        if "labels" in changed:
            body["labels"] = self.cloud.labels(new.get("labels") or {})
        self.cloud.call(
            f'Error updating Repository "{identity}"', "PATCH", identity, body, updateMask=",".join(changed)
        )

    def delete(self, identity: str, state: Properties) -> None:
        if not self.may_delete(f"the repository {identity}", state):
            return
        action = f'Error when reading or editing Repository "{identity}"'
        try:
            self.cloud.finished(action, self.cloud.call(action, "DELETE", identity))
        except GoogleError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def _name(self, identity: str) -> str:
        match = _IMPORT.fullmatch(identity)
        if match is None:
            match = re.fullmatch(r"(?P<location>[^/]+)/(?P<id>[^/]+)", identity)
            if match is None or not self.cloud.project:
                raise CloudError(
                    f'Import id "{identity}" doesn\'t match any of the accepted formats: '
                    "[projects/PROJECT/locations/LOCATION/repositories/ID PROJECT/LOCATION/ID LOCATION/ID]"
                )
            return f"projects/{self.cloud.project}/locations/{match['location']}/repositories/{match['id']}"
        return f"projects/{match['project']}/locations/{match['location']}/repositories/{match['id']}"


def _body(inputs: Properties) -> dict[str, Any]:
    same = ("format", "mode", "description", "kmsKeyName", "dockerConfig", "cleanupPolicyDryRun",
            "vulnerabilityScanningConfig", "mavenConfig", "remoteRepositoryConfig", "virtualRepositoryConfig")  # fmt: skip
    body: dict[str, Any] = {key: inputs[key] for key in same if inputs.get(key) is not None}
    policies = cast("list[dict[str, Any]]", inputs.get("cleanupPolicies") or [])
    if policies:
        body["cleanupPolicies"] = {policy["id"]: _sent(policy) for policy in policies}
    return body


def _sent(policy: dict[str, Any]) -> dict[str, Any]:
    sent = {key: value for key, value in policy.items() if value is not None}
    if isinstance(sent.get("condition"), dict):
        condition = dict(sent["condition"])
        for key in _DURATIONS:
            if condition.get(key):
                condition[key] = _seconds(condition[key])
        sent["condition"] = condition
    return sent


def _policy(live: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    """A policy as the program wrote it, which may give a duration in days where Google has seconds."""
    policy = {key: value for key, value in live.items() if value not in (None, {}, [])}
    condition = cast("dict[str, Any]", policy.get("condition") or {})
    given = cast("dict[str, Any]", written.get("condition") or {})
    same = {key: given[key] for key in _DURATIONS if given.get(key) and _seconds(given[key]) == condition.get(key)}
    return {**policy, "condition": {**condition, **same}} if condition else policy


def _seconds(duration: str) -> str:
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]
    return f"{float(duration[:-1]) * factor:g}s" if "." in duration else f"{int(duration[:-1]) * factor}s"
