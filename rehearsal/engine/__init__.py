"""A deployment engine that speaks Pulumi's public protocol, for machines without the Pulumi CLI.

Importing this package is cheap; gRPC is loaded at the first use of ``run_update``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.engine.update import Update, run_update

__all__ = ["Update", "run_update"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from rehearsal.engine import update

        return getattr(update, name)
    raise AttributeError(name)
