"""IAM *member* resources: one member of one role in the policy of a resource, whatever else the policy holds.

The provider reads the policy, changes it and writes it back with the etag it read; when someone else was faster the API refuses
and the provider starts again from nothing. Source: cloud.google.com/iam/docs/policies#etag, and the schema of pulumi-gcp 10.
"""

from __future__ import annotations

import random
import re
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from rehearsal.emulators.rules import Fields, Text
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError, Created, Input, Live
from rehearsal.provider_plugins.gcp.cloud import GoogleError
from rehearsal.provider_plugins.gcp.resource import PROJECT, GcpResource

_MEMBER = Input(Text(r"(?!deleted:)(allUsers|allAuthenticatedUsers|[A-Za-z]+:.+)"), required=True, replaces=True)
_ROLE = Input(Text(r"(roles|projects/[^/]+/roles|organizations/[^/]+/roles)/.+"), required=True, replaces=True)
_CONDITION = Input(
    Fields({"title": Text(), "expression": Text(), "description": Text()}, required=("title", "expression")),
    replaces=True,
)
_ATTEMPTS = 12
_LOCK = threading.Lock()
"""The real provider serialises its changes of one policy within a process; so does this."""


class MemberResource(GcpResource):
    """``get`` is the HTTP method that reads a policy; ``path`` names the resource."""

    computed = ("etag",)
    get: str

    @abstractmethod
    def path(self, inputs: Properties) -> str:
        """The resource whose policy it is, as the API names it."""

    @abstractmethod
    def parsed(self, path: str, state: Properties) -> Properties:
        """The inputs that name the resource."""

    def create(self, inputs: Properties) -> Created:
        path = self.path(inputs)

        def add(bindings: list[dict[str, Any]]) -> None:
            for binding in bindings:
                if _same(binding, inputs):
                    if inputs["member"] not in binding["members"]:
                        binding["members"].append(inputs["member"])
                    return
            added: dict[str, Any] = {"role": inputs["role"], "members": [inputs["member"]]}
            if inputs.get("condition"):
                added["condition"] = _condition(inputs)
            bindings.append(added)

        self._change(path, inputs, add)
        title = cast("dict[str, str]", inputs.get("condition") or {}).get("title")
        return Created("/".join([path, inputs["role"], inputs["member"], *([title] if title else [])]))

    def read(self, identity: str, state: Properties) -> Live | None:
        inputs = state if state.get("member") else self._imported(identity)
        path = self.path(inputs)
        try:
            policy = self._policy(path)
        except GoogleError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        for binding in cast("list[dict[str, Any]]", policy.get("bindings") or []):
            if _same(binding, inputs) and inputs["member"] in binding["members"]:
                found: Properties = {"role": binding["role"], "member": inputs["member"]}
                if binding.get("condition"):
                    found["condition"] = dict(binding["condition"])
                return Live(identity, {**self.parsed(path, inputs), **found}, {"etag": policy.get("etag", "")})
        return None

    def delete(self, identity: str, state: Properties) -> None:
        def remove(bindings: list[dict[str, Any]]) -> None:
            for binding in bindings:
                if _same(binding, state) and state["member"] in binding["members"]:
                    binding["members"].remove(state["member"])
            bindings[:] = [binding for binding in bindings if binding["members"]]

        try:
            self._change(self.path(state), state, remove)
        except GoogleError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def _policy(self, path: str) -> dict[str, Any]:
        action = f"Error retrieving IAM policy for {path}"
        if self.get == "GET":
            return self.cloud.call(action, "GET", f"{path}:getIamPolicy", **{"options.requestedPolicyVersion": 3})
        return self.cloud.call(action, "POST", f"{path}:getIamPolicy", **{"options.requestedPolicyVersion": 3})

    def _change(self, path: str, inputs: Properties, change: Callable[[list[dict[str, Any]]], None]) -> None:
        action = (
            f"Error applying IAM policy for {path}: Error setting IAM policy for {path} "
            f"(role {inputs['role']!r}, member {inputs['member']!r})"
        )
        for attempt in range(_ATTEMPTS):
            with _LOCK:
                policy = self._policy(path)
                bindings: list[dict[str, Any]] = policy.get("bindings") or []
                change(bindings)
                # A condition is kept only in a policy of version 3.
                sent = {"bindings": bindings, "etag": policy.get("etag"), "version": 3}
                try:
                    self.cloud.call(action, "POST", f"{path}:setIamPolicy", {"policy": sent})
                except GoogleError as error:
                    if error.code != HTTPStatus.CONFLICT or attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return
            time.sleep(min(0.1 * 2**attempt, 3.0) * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the retries

    def _imported(self, identity: str) -> Properties:
        """An import's id: ``PATH ROLE MEMBER [CONDITION TITLE]``, as the real provider has it, or this provider's own id."""
        match = re.fullmatch(r"(\S+) (\S+) (\S+)(?: (.+))?", identity) or re.fullmatch(
            r"(projects/.+?)/((?:roles|projects/[^/]+/roles)/[^/]+)/([A-Za-z]+:.+)()", identity
        )
        if match is None:
            raise CloudError(f"Wrong number of parts to Member id {identity}; expected 'RESOURCE ROLE MEMBER'.")
        path, role, member, title = match.groups()
        condition = {"condition": {"title": title}} if title else {}
        return {**self.parsed(path, {}), "role": role, "member": member, **condition}


class RepositoryIamMember(MemberResource):
    type = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
    get = "GET"
    inputs = {
        "repository": Input(Text(shortest=1), required=True, replaces=True),
        "location": Input(Text(r"[a-z0-9-]+"), replaces=True, filled_in=True),
        "project": PROJECT,
        "role": _ROLE,
        "member": _MEMBER,
        "condition": _CONDITION,
    }
    computed = ("etag", "project", "location")

    def derived(self, inputs: Properties) -> Properties:
        given = (("project", self.cloud.project), ("location", self.cloud.region))
        return {key: fallback for key, fallback in given if inputs.get(key) is None and fallback}

    def path(self, inputs: Properties) -> str:
        repository = str(inputs["repository"])
        if repository.startswith("projects/"):
            return repository
        location = inputs.get("location") or self.cloud.region
        return f"projects/{self.project(inputs)}/locations/{location}/repositories/{repository}"

    def parsed(self, path: str, state: Properties) -> Properties:
        _, project, _, location, _, repository = path.split("/")
        return {"project": project, "location": location, "repository": state.get("repository") or repository}


class IAMMember(MemberResource):
    type = "gcp:serviceaccount/iAMMember:IAMMember"
    get = "POST"
    inputs = {
        "serviceAccountId": Input(Text(r"projects/[^/]+/serviceAccounts/[^/]+"), required=True, replaces=True),
        "role": _ROLE,
        "member": _MEMBER,
        "condition": _CONDITION,
    }

    def path(self, inputs: Properties) -> str:
        return str(inputs["serviceAccountId"])

    def parsed(self, path: str, state: Properties) -> Properties:
        del state
        return {"serviceAccountId": path}


def _same(binding: dict[str, Any], inputs: Properties) -> bool:
    """Whether a binding is that of the role under the condition; an import knows only the condition's title."""
    if binding["role"] != inputs["role"]:
        return False
    given = cast("dict[str, Any]", inputs.get("condition") or {})
    live = cast("dict[str, Any]", binding.get("condition") or {})
    return all((live.get(key) or "") == (given.get(key) or "") for key in given) and bool(given) == bool(live)


def _condition(inputs: Properties) -> dict[str, Any]:
    return {key: value for key, value in inputs["condition"].items() if value is not None}
