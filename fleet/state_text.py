"""How the remote state of a fleet is prepared, as a script with the permissions as its comments."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from fleet.fleet_file import Fleet, qualified_name
from fleet.stacks import FleetStack
from fleet.state import state_needs, state_variables


def state_text(fleet: Fleet, stacks: Sequence[FleetStack]) -> str:
    """A shell script: it logs in, and makes each stack that is not there yet. It may be run again."""
    state = fleet.state
    lines = ["#!/bin/sh", "# Prepares the state of every stack. It may be run again.", "set -eu", ""]
    needs = state_needs(state)
    if needs:
        lines.append("# Whoever deploys needs:")
        for need in needs:
            lines += [f"#   {need.what}", *(f"#     {permission}" for permission in need.which)]
    variables = state_variables(state)
    if variables:
        lines.append(f"# Credentials, from the environment only: {', '.join(variables)}")
    if lines[-1]:
        lines.append("")
    if state.backend:
        lines.append(f"pulumi login {shlex.quote(state.backend)}")
    provider = f" --secrets-provider {shlex.quote(state.secrets_provider)}" if state.secrets_provider else ""
    lines += [
        "for stack in \\",
        *(f"  {qualified_name(fleet, stack.name)} \\" for stack in stacks[:-1]),
        f"  {qualified_name(fleet, stacks[-1].name)}; do",
        # Only 'init' writes the data key into the stack file.
        f'  pulumi stack select "$stack" 2>/dev/null || pulumi stack init "$stack"{provider}',
        "done",
    ]
    if provider:
        lines.append("# The stack files now have their encryptedkey; commit them. mendix-registry-fleet keeps it.")
    return "\n".join(lines) + "\n"
