"""Wrong use or a wrong file: the update never starts. Exit status 2."""

from __future__ import annotations

from rehearsal.engine.errors import EngineError


class ProjectError(EngineError):
    """Pulumi.yaml or a stack file is missing or wrong. The message has a line ``file:line:column: …`` for each problem."""


class NoSuchStackError(ProjectError):
    """The stack has no file. The message lists the stacks there are, and says how to make one."""
