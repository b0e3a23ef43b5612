"""What can be wrong with a policy pack."""

from __future__ import annotations

from rehearsal.engine.errors import EngineError
from rehearsal.engine.project.errors import ProjectError


class PolicyPackError(EngineError):
    """A policy pack cannot be started or failed while it judged. Without its verdict nothing is changed."""


class PolicyConfigurationError(ProjectError):
    """PulumiPolicy.yaml or the pack's configuration is missing or wrong. Exit status 2."""
