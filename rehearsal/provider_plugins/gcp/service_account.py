"""Service accounts.

Source of the properties: the schema of pulumi-gcp 10 (``gcp:serviceaccount/account:Account``) and the discovery document
``iam.v1``.
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from rehearsal.emulators.rules import Flag, Text
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Created, Input, Live
from rehearsal.provider_plugins.gcp.cloud import GoogleError
from rehearsal.provider_plugins.gcp.resource import DELETION_POLICY, PROJECT, GcpResource


class Account(GcpResource):
    type = "gcp:serviceaccount/account:Account"
    inputs = {
        "accountId": Input(Text(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])"), required=True, replaces=True),
        "project": PROJECT,
        "displayName": Input(Text()),
        "description": Input(Text(longest=256)),
        "disabled": Input(Flag(), default=False),
        "createIgnoreAlreadyExists": Input(Flag()),
        "deletionPolicy": DELETION_POLICY,
    }
    computed = ("email", "member", "name", "uniqueId", "project")
    name = AutomaticName("accountId", 30, lower=True)

    def derived(self, inputs: Properties) -> Properties:
        if inputs.get("project") is None and self.cloud.project:
            return {"project": self.cloud.project}
        return {}

    def create(self, inputs: Properties) -> Created:
        project = self.project(inputs)
        given = {key: inputs[key] for key in ("displayName", "description") if inputs.get(key) is not None}
        action = "Error creating service account"
        try:
            made = self.cloud.call(
                action,
                "POST",
                f"projects/{project}/serviceAccounts",
                {"accountId": inputs["accountId"], "serviceAccount": given},
            )
        except GoogleError as error:
            if error.code != HTTPStatus.CONFLICT or not inputs.get("createIgnoreAlreadyExists"):
                raise
            made = self.cloud.call(action, "GET", self._name(inputs))
        if inputs.get("disabled"):
            self.cloud.call(action, "POST", f"{made['name']}:disable", {})
        return Created(made["name"])

    def read(self, identity: str, state: Properties) -> Live | None:
        live = self.found(f'Error when reading or editing Service Account "{identity}"', identity)
        if live is None:
            return None
        email = live["email"]
        inputs: Properties = {
            "accountId": email.partition("@")[0],
            "project": live["projectId"],
            "displayName": live.get("displayName"),
            "description": live.get("description"),
            "disabled": live.get("disabled", False),
            "deletionPolicy": self.deletion_policy(state),
        }
        outputs = {
            "email": email,
            "member": f"serviceAccount:{email}",
            "name": live["name"],
            "uniqueId": live["uniqueId"],
            "project": live["projectId"],
        }
        return Live(live["name"], inputs, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        name = self._name(inputs)
        return name if self.found("Error when reading Service Account", name) else None

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        action = f'Error updating service account "{identity}"'
        changed = [key for key in ("displayName", "description") if (old.get(key) or "") != (new.get(key) or "")]
        if changed:
            account = {key: new.get(key) or "" for key in changed}
            self.cloud.call(action, "PATCH", identity, {"serviceAccount": account, "updateMask": ",".join(changed)})
        if bool(old.get("disabled")) != bool(new.get("disabled")):
            self.cloud.call(action, "POST", f"{identity}:{'disable' if new.get('disabled') else 'enable'}", {})

    def delete(self, identity: str, state: Properties) -> None:
        if not self.may_delete(f"the service account {identity}", state):
            return
        try:
            self.cloud.call(f'Error deleting service account "{identity}"', "DELETE", identity)
        except GoogleError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def _name(self, inputs: Properties) -> str:
        project = self.project(inputs)
        domain = f"{project.split(':')[-1]}.iam.gserviceaccount.com"
        return f"projects/{project}/serviceAccounts/{inputs['accountId']}@{domain}"
