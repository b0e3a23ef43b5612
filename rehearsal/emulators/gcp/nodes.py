"""The service account of the cluster's nodes, as which they pull."""

from __future__ import annotations

from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.emulators.gcp.access_tokens import ServiceAccountCaller
from rehearsal.emulators.gcp.account import Account


class GkeNodes:
    """Satisfies :class:`rehearsal.emulators.nodes.NodeIdentity`: nodes that run as the service account ``email``."""

    def __init__(self, account: Account, hosts: tuple[str, ...], email: str) -> None:
        self._account, self._hosts, self._email = account, hosts, email

    def node_credentials(self, host: str) -> tuple[str, str] | None:
        if host not in self._hosts:
            return None
        found = self._account.store.accounts.get(self._email)
        if found is None or found.get("disabled"):
            reason = f"the nodes' service account {self._email} does not exist or is disabled"
            self._account.decisions.add(
                RecordedDecision("gce", self._email, "node-credentials", False, "NOT_FOUND", reason)
            )
            return None
        token = self._account.tokens.issue(ServiceAccountCaller(self._email, found["uniqueId"]), 3600)
        return "oauth2accesstoken", token
