"""The label that marks, for Azure's webhook, the pods that get an identity: this stack sets it on Mendix's build pods too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from mendix_registry.settings.places import OPERATOR
from mendix_registry.settings.problems import Problem, Rule
from mendix_registry.settings.stack import Settings

LABEL = "azure.workload.identity/use"


ACR031 = Rule(
    "ACR031",
    "Mendix's build pods would lose the label that Azure's webhook looks for",
    "they would get no identity, and each build would push without one",
    "remove it: this stack sets it to 'true'",
)


def check(settings: Settings) -> Iterator[Problem]:
    """An overlay of the OperatorConfiguration must not remove the label."""
    labels = settings.operator_configuration.overlay.get("customPodLabels")
    general = cast("dict[str, Any]", labels).get("general") if isinstance(labels, dict) else None
    if isinstance(general, dict) and cast("dict[str, Any]", general).get(LABEL, "true") != "true":
        yield ACR031.at((*OPERATOR, "overlay", "customPodLabels", "general", LABEL))
