"""One side of a preview, before or after: the resources that it shows, and how one refers to another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from report.access.facts import NOT_KNOWN
from report.changes import urn_name, urn_type
from report.preview import STACK_TYPE, StackPreview, State
from report.values import at, is_unknown, mapping, text

_NAMESPACE = "kubernetes:core/v1:Namespace"
_GONE = frozenset({"delete", "discard", "delete-replaced", "discard-replaced"})


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource on this side. ``inputs`` are what the program asks for, ``outputs`` what the cloud reported last."""

    urn: str
    type: str
    name: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    needs: Mapping[str, Sequence[str]]
    """Input property to the URNs that its value comes from."""
    namespace_made: str = ""
    """Of a Kubernetes object whose namespace is known only after ``up``: the Namespace of the same preview that it comes from."""

    def value(self, *path: str | int) -> Any:
        """An input, else the output of that name."""
        wanted = at(self.inputs, *path)
        return at(self.outputs, *path) if wanted is None else wanted

    def text(self, *path: str | int) -> str:
        """An input as text, else the output of that name; empty where neither is known."""
        return text(at(self.inputs, *path)) or text(at(self.outputs, *path))

    @property
    def namespace(self) -> str:
        """Of a Kubernetes object. Empty means ``default`` to Kubernetes; unknown does not."""
        if is_unknown(at(self.inputs, "metadata", "namespace")):
            return self.text("metadata", "namespace") or self.namespace_made or NOT_KNOWN
        return self.text("metadata", "namespace") or "default"

    @property
    def object_name(self) -> str:
        """Of a Kubernetes object: its own name, else Pulumi's."""
        return self.text("metadata", "name") or self.name


@dataclass(slots=True)
class World:
    """The resources of one side of one stack. ``settings`` is the stack file's ``mendix-registry:…``, parsed."""

    stack: str
    resources: dict[str, Resource] = field(default_factory=dict[str, Resource])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stack_outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _by_type: dict[str, list[Resource]] = field(default_factory=dict[str, list[Resource]])
    _by_text: dict[tuple[str, str], Resource] = field(default_factory=dict[tuple[str, str], Resource])

    def add(self, resource: Resource) -> None:
        """Takes a resource in, after those that it needs."""
        made = [self.resources.get(urn) for urn in resource.needs.get("metadata", ())]
        names = [other.object_name for other in made if other is not None and other.type == _NAMESPACE]
        if len(names) == 1:
            resource = replace(resource, namespace_made=names[0])
        self.resources[resource.urn] = resource
        self._by_type.setdefault(resource.type, []).append(resource)
        for key in _KEYS.get(resource.type, ()):
            known = resource.id if key == "id" else resource.text(key)
            if known:
                self._by_text.setdefault((resource.type, known), resource)

    def of(self, *types: str) -> Iterable[Resource]:
        """All resources of these types."""
        for type_ in types:
            yield from self._by_type.get(type_, ())

    def referred(self, resource: Resource, prop: str, type_: str) -> Resource | None:
        """The resource of ``type_`` that input ``prop`` means: by its value, else by where the value comes from."""
        literal = resource.text(prop)
        if literal and (found := self.by_text(type_, literal)):
            return found
        for urn in resource.needs.get(prop, ()):
            found = self.resources.get(urn)
            if found is not None and found.type == type_:
                return found
        return None

    def by_text(self, type_: str, literal: str) -> Resource | None:
        """The resource of ``type_`` whose name, id, ARN or the like is ``literal``."""
        return self._by_text.get((type_, literal))

    def sources(self, resource: Resource, prop: str, type_: str) -> list[Resource]:
        """All resources of ``type_`` that an input's value, unknown as it may be, is made from."""
        found = (self.resources.get(urn) for urn in resource.needs.get(prop, ()))
        return [other for other in found if other is not None and other.type == type_]


_KEYS: Mapping[str, Sequence[str]] = {
    "aws:iam/role:Role": ("arn", "name", "id"),
    "aws:iam/user:User": ("arn", "name", "id"),
    "aws:iam/policy:Policy": ("arn", "id"),
    "aws:ecr/repository:Repository": ("arn", "name", "repositoryUrl", "id"),
    "azure-native:managedidentity:UserAssignedIdentity": ("principalId", "clientId", "id", "resourceName"),
    "azure-native:containerregistry:Registry": ("id", "registryName", "loginServer"),
    "azure-native:containerregistry:ScopeMap": ("id", "scopeMapName"),
    "gcp:serviceaccount/account:Account": ("email", "name", "member", "id", "accountId"),
    "gcp:artifactregistry/repository:Repository": ("repositoryId", "id", "name"),
}


def worlds(stack: StackPreview) -> tuple[World, World]:
    """What the preview shows of before and after."""
    before, after = World(stack.name), World(stack.name)
    after.settings = before.settings = settings(stack)
    for step in stack.preview.steps or ():
        type_ = urn_type(step.urn)
        if type_ == STACK_TYPE:
            if step.old_state:
                before.stack_outputs = step.old_state.outputs or {}
            if step.new_state:
                after.stack_outputs = step.new_state.outputs or {}
            continue
        if step.old_state is not None and step.op not in ("create", "import"):
            before.add(_resource(step.urn, type_, step.old_state, {}))
        if step.new_state is not None and step.op not in _GONE:
            # Of a resource that is changed in place, what the cloud assigned once (an ARN, a principal) stays.
            stays = step.op in ("update", "same", "refresh", "read") and step.old_state is not None
            old_outputs = _assigned(step.old_state) if stays and step.old_state else dict[str, Any]()
            after.add(_resource(step.urn, type_, step.new_state, old_outputs, found=step.op == "refresh"))
    return before, after


def _assigned(state: State) -> Mapping[str, Any]:
    """What the cloud itself assigned: not what the program had asked for, which it may have withdrawn."""
    inputs = state.inputs or {}
    return {key: value for key, value in (state.outputs or {}).items() if key not in inputs}


def _resource(urn: str, type_: str, state: State, more_outputs: Mapping[str, Any], *, found: bool = False) -> Resource:
    needs = {key: urns or [] for key, urns in (state.property_dependencies or {}).items()}
    outputs = {**more_outputs, **(state.outputs or {})} if more_outputs else state.outputs or {}
    inputs = state.inputs or {}
    if found:
        # What someone has made of it, not what the program asked for.
        inputs = {key: outputs.get(key, value) for key, value in inputs.items()}
    return Resource(urn, type_, urn_name(urn), state.id, inputs, outputs, needs)


def settings(stack: StackPreview) -> dict[str, Any]:
    """The stack file's settings of this project, without their prefix: ``registry``, ``namespaces``, ``cluster``."""
    result: dict[str, Any] = {}
    for key, value in (stack.preview.config or {}).items():
        prefix, _, name = key.partition(":")
        if prefix == "mendix-registry":
            try:
                parsed = json.loads(value)
            except ValueError:
                parsed = value
            result[name] = parsed
    return result


def cluster_name(world: World) -> str:
    """What the stack file calls the cluster (its name or context), else the stack's name."""
    return known_cluster_name(world) or world.stack


def known_cluster_name(world: World) -> str:
    """What the stack file calls the cluster, empty where it does not."""
    cluster = mapping(world.settings.get("cluster"))
    name = text(cluster.get("name")) or text(cluster.get("context"))
    if not name:
        for provider in world.of("pulumi:providers:kubernetes"):
            name = name or provider.text("context")
    # A context of EKS is the cluster's ARN.
    return name.rsplit("/", 1)[-1]
