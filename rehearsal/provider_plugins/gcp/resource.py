"""What all Google Cloud types share: the project they fall back to, and what "gone" means."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rehearsal.emulators.rules import Text
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError, Input, Resource
from rehearsal.provider_plugins.gcp.cloud import Gcp, GoogleError

# cloud.google.com/resource-manager/docs/creating-managing-projects; older ones have the organisation's domain in front.
PROJECT = Input(Text(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"), replaces=True, filled_in=True)
DELETION_POLICY = Input(Text(choices=("DELETE", "PREVENT", "ABANDON")), default="DELETE")


class GcpResource(Resource[Gcp]):
    """Helpers over the connection."""

    def project(self, inputs: Properties) -> str:
        """The given project, or the provider's. Raises CloudError where there is neither."""
        found = str(inputs.get("project") or self.cloud.project)
        if not found:
            raise CloudError("project: required field is not set")
        return found

    def found(self, action: str, path: str) -> dict[str, Any] | None:
        """A resource, or None where the API reports that there is none."""
        try:
            return self.cloud.call(action, "GET", path)
        except GoogleError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise

    @staticmethod
    def deletion_policy(state: Properties) -> str:
        """What the provider keeps to itself: as it was given, or the default where a resource is imported."""
        return str(state.get("deletionPolicy") or DELETION_POLICY.default)

    def may_delete(self, what: str, state: Properties) -> bool:
        """Whether the deletion policy has it deleted. Raises CloudError where it prevents that."""
        policy = self.deletion_policy(state)
        if policy == "PREVENT":
            raise CloudError(
                f'cannot destroy {what} because its deletionPolicy is "PREVENT". Set it to "DELETE" and run an update '
                "first."
            )
        return policy != "ABANDON"
