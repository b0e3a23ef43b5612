"""Who deploys: known to the sandbox, so that provider plugins may do what an owner of the subscription may."""

from __future__ import annotations

OPERATOR_TOKEN = "rehearsal-operator"  # noqa: S105 - opens nothing but an emulator that holds nothing of value
