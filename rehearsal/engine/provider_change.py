"""Whether a resource has to be replaced because another provider manages it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.engine import urn as urns
from rehearsal.engine.goal import Goal
from rehearsal.engine.properties import Properties, contains_unknowns, reveal
from rehearsal.engine.provider_registry import is_default, urn_of_reference
from rehearsal.engine.state import ResourceState

if TYPE_CHECKING:
    from rehearsal.engine.registration import Registrar

REASON = "provider"


async def reasons(registrar: Registrar, goal: Goal, old: ResourceState) -> list[str]:
    """``[REASON]`` where the provider's change alone makes ``goal`` a replacement of ``old``, else nothing.

    As ``providerChanged`` of Pulumi's step generator, with two exceptions for providers that lead to the same place, where a
    replacement would delete what it has just made: explicit ones with the same settings, and an earlier configuration of the
    same provider that ``DiffConfig`` would have changed in place (its replacement was begun and then taken back).
    """
    # Another type alone, under an alias, is left to the provider's Diff (SDKs alias every version of an API); the type of
    # another package is another provider's.
    if urns.package_of(old.type) != urns.package_of(goal.type):
        return [REASON]
    if not old.provider or not goal.provider or old.provider == goal.provider:
        return []
    before, after = urn_of_reference(old.provider), urn_of_reference(goal.provider)
    renamed = registrar.resources.renamed.get(before) == after
    if renamed and old.provider.removeprefix(before) == goal.provider.removeprefix(after):
        return []
    old_provider, new_provider = registrar.resources.provider(old.provider), registrar.resources.news.get(after)
    if old_provider is None or new_provider is None:
        return [REASON]
    if before == after or renamed or (is_default(before) and is_default(after)):
        return [REASON] if await _moved(registrar, goal.provider, old_provider, new_provider) else []
    same = reveal(_settings(old_provider)) == reveal(_settings(new_provider))
    return [] if same else [REASON]


async def _moved(registrar: Registrar, reference: str, old: ResourceState, new: ResourceState) -> bool:
    """Whether, by the provider's own word, the new configuration manages another place than the old one."""
    before, after = _settings(old), _settings(new)
    if reveal(before) == reveal(after):
        return False
    if contains_unknowns(after):
        return not is_default(new.urn)
    diff = await registrar.providers.get(reference).diff_config(new.urn, before, before, after)
    return diff.replace


def _settings(provider: ResourceState) -> Properties:
    """The configuration without the plugin's version, which says nothing of the place."""
    return {key: value for key, value in provider.inputs.items() if key != "version"}
