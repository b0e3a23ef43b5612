"""Resource ids: paths of the management API."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.emulators.azure.errors import ArmError


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The id of a resource in a group: ``types`` and ``names`` from the outermost in (``registries``, ``tokens``)."""

    subscription: str
    group: str
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        path = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.group_id}/providers/{self.provider}/{path}"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def type(self) -> str:
        return "/".join((self.provider, *self.types))

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def parent(self) -> ResourceId:
        """The resource around it; of an outermost one there is none, which is a bug to ask for."""
        return ResourceId(self.subscription, self.group, self.provider, self.types[:-1], self.names[:-1])


def parse(path: str) -> ResourceId:
    """Raises ArmError for a path that is no resource in a group."""
    parts = path.strip("/").split("/")
    heads = [part.lower() for part in parts[0:6:2]]
    if len(parts) < 8 or len(parts) % 2 or heads != ["subscriptions", "resourcegroups", "providers"]:
        raise ArmError(
            404, "InvalidResourceId", f"The resource identity '{path}' is not of a resource in a resource group."
        )
    return ResourceId(parts[1], parts[3], parts[5], tuple(parts[6::2]), tuple(parts[7::2]))
