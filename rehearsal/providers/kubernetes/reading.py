"""One resource as Read finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .awaits import AwaitError, unready_reason
from .checkpoint import parse_identifier
from .errors import KubernetesError
from .kinds import ResourceType
from .messages import describe_object
from .operations import PartialError
from .properties import Properties
from .read import find_live, inputs_after_refresh, inputs_of_import
from .session import Session


@dataclass(frozen=True, slots=True)
class Reading:
    """The live object, the inputs it amounts to, and why it is not ready (None: it is, or nobody asked)."""

    live: dict[str, Any]
    inputs: Properties
    unready: str | None

    @classmethod
    async def of(
        cls, session: Session, urn: str, rtype: ResourceType, identity: str, old_inputs: Properties, manager: str
    ) -> Reading | None:
        """Read the object with that id; None if there is none. Raises KubernetesError."""
        namespace, name = parse_identifier(identity)
        if not name:
            raise KubernetesError(
                f"{identity!r} is no id of a Kubernetes object: write <namespace>/<name>, or <name> without namespace"
            )
        found = await find_live(session, rtype.kind, namespace, name)
        if found is None:
            return None
        endpoint, live = found
        if not old_inputs:
            return cls(live, inputs_of_import(live), None)
        inputs = await inputs_after_refresh(session, urn, endpoint, live, old_inputs, manager)
        return cls(live, inputs, None if rtype.patch else unready_reason(endpoint, live, old_inputs))

    def raise_unready(self) -> None:
        """Raise PartialError for an object that is not ready, so that the state keeps saying so."""
        if self.unready is not None:
            error = AwaitError(f"{describe_object(self.live)} is not ready", (self.unready,))
            raise PartialError(self.live, error, self.inputs)
