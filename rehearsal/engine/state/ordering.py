"""Brings the resources of a snapshot into a form that Pulumi accepts.

Normally they are in one already, since resources are recorded as they complete. What is mended here: references by an
old URN (aliases), references to what a refresh found gone, and the order after a journal was replayed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rehearsal.engine.state.deployment import problem, references
from rehearsal.engine.state.resource import ResourceState


def acceptable(resources: list[ResourceState]) -> list[ResourceState]:
    """The resources as Pulumi accepts them; those that need no change are the same objects."""
    resources = without_aliases(resources)
    if problem(resources) is None:
        return resources
    return in_order(without_dangling(resources))


def without_aliases(resources: list[ResourceState]) -> list[ResourceState]:
    """Every reference by an alias names the present URN instead, and no alias is left.

    As ``DeploymentV3.NormalizeURNReferences``: until a dependent was visited it still names the old URN.
    """
    renamed: dict[str, str] = {}
    for state in resources:
        for alias in state.aliases:
            renamed[alias] = state.urn
        new_parent = renamed.get(state.parent)
        if new_parent and new_parent.split("::", 3)[2] != "pulumi:pulumi:Stack" and state.urn not in renamed:
            # A child not visited yet: its URN holds its parent's type.
            prefix, project, own_type, name = state.urn.split("::", 3)
            parent_type = new_parent.split("::", 3)[2]
            renamed[state.urn] = f"{prefix}::{project}::{parent_type}${own_type.rpartition('$')[2]}::{name}"
    if not renamed:
        return resources
    return [_renamed(state, renamed) for state in resources]


def _renamed(state: ResourceState, renamed: Mapping[str, str]) -> ResourceState:
    def new(urn: str) -> str:
        return renamed.get(urn, urn)

    provider_urn, separator, provider_id = state.provider.rpartition("::")
    changes: dict[str, Any] = {
        "urn": new(state.urn),
        "parent": new(state.parent),
        "provider": f"{new(provider_urn)}{separator}{provider_id}",
        "dependencies": [new(urn) for urn in state.dependencies],
        "property_dependencies": {key: [new(urn) for urn in urns] for key, urns in state.property_dependencies.items()},
        "deleted_with": new(state.deleted_with),
        "replace_with": [new(urn) for urn in state.replace_with],
        "view_of": new(state.view_of),
        "aliases": [],
    }
    return _changed(state, changes)


def _changed(state: ResourceState, changes: Mapping[str, Any]) -> ResourceState:
    return state if all(getattr(state, name) == value for name, value in changes.items()) else replace(state, **changes)


def without_dangling(resources: list[ResourceState]) -> list[ResourceState]:
    """References to resources that are not there are dropped (they vanished outside, which a refresh found)."""
    known = {state.urn for state in resources}
    results: list[ResourceState] = []
    for state in resources:
        if state.parent in known and all(urn in known for urn in references(state)):
            results.append(state)
            continue
        changes: dict[str, Any] = {
            "parent": state.parent if state.parent in known else "",
            "dependencies": [urn for urn in state.dependencies if urn in known],
            "property_dependencies": {
                key: [urn for urn in urns if urn in known] for key, urns in state.property_dependencies.items()
            },
            "deleted_with": state.deleted_with if state.deleted_with in known else "",
            "replace_with": [urn for urn in state.replace_with if urn in known],
            "view_of": state.view_of if state.view_of in known else "",
        }
        results.append(_changed(state, changes))
    return results


def in_order(resources: Sequence[ResourceState]) -> list[ResourceState]:
    """Dependencies first, else in the order given; of one URN the live state before those that await deletion."""
    by_urn: defaultdict[str, list[ResourceState]] = defaultdict(list)
    by_reference: dict[str, ResourceState] = {}
    for state in resources:
        by_urn[state.urn].append(state)
        by_reference[state.reference()] = state
    for states in by_urn.values():
        states.sort(key=lambda state: state.delete)
    ordered: dict[ResourceState, None] = {}
    entered: set[ResourceState] = set()

    def needed(state: ResourceState) -> list[ResourceState]:
        names = [state.parent, *references(state)]
        # The first state of a URN is the live one where there is any.
        firsts = [by_urn[name][0] for name in names if name in by_urn]
        if state.provider in by_reference:
            firsts.append(by_reference[state.provider])
        if state.delete:
            firsts.append(by_urn[state.urn][0])
        return firsts

    for root in resources:
        # A stack of our own: a chain of ten thousand dependencies is deeper than Python's.
        path = [(root, iter(needed(root)))] if root not in entered else []
        entered.add(root)
        while path:
            state, rest = path[-1]
            following = next((other for other in rest if other not in entered), None)
            if following is None:
                ordered[state] = None
                path.pop()
            else:
                entered.add(following)
                path.append((following, iter(needed(following))))
    return list(ordered)
