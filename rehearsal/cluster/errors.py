"""What the cluster module reports to its callers: progress while it works, and one error type."""

from __future__ import annotations

from rehearsal.toolchain.errors import Progress, Report, ToolchainError

__all__ = ["ClusterError", "Progress", "Report"]


class ClusterError(ToolchainError):
    """The cluster could not be started, reached or changed.

    A program that it is made of and that cannot be had is one reason, so whoever handles every :class:`ToolchainError`
    handles these too. The text states what was wrong, why it matters and, in ``remedy``, what to do.
    """
