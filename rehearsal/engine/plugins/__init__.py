"""Provider plugins by Pulumi's contract: found, started, spoken to and ended."""
