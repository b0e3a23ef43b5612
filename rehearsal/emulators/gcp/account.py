"""The emulator's parts that its APIs and token services share."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.emulators.decisions import DecisionLog, RecordedDecision
from rehearsal.emulators.gcp.access_tokens import AccessTokens, Anonymous, Caller, ServiceAccountCaller
from rehearsal.emulators.gcp.errors import ApiError
from rehearsal.emulators.gcp.policies import Decision, Policies, Pool
from rehearsal.emulators.gcp.store import Store

REPOSITORY = "artifactregistry.googleapis.com/Repository"
PROJECT = "cloudresourcemanager.googleapis.com/Project"
SERVICE_ACCOUNT = "iam.googleapis.com/ServiceAccount"


@dataclass(frozen=True, slots=True)
class Account:
    """Store, policies, tokens and record of one emulator; ``pool`` is the cluster's."""

    store: Store
    policies: Policies
    tokens: AccessTokens
    decisions: DecisionLog
    pool: Pool
    cluster: str
    """The cluster's URL at Google."""
    account_quota: int = 100

    def caller(self, token: str) -> Caller:
        """Whose access token it is; anonymous without one. Raises ApiError."""
        if not token:
            return Anonymous()
        found = self.tokens.find(token)
        if isinstance(found, ServiceAccountCaller):
            account = self.store.accounts.get(found.email)
            if account is None or account["uniqueId"] != found.unique_id or account.get("disabled"):
                found = None
        if found is None:
            raise ApiError(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
                "authentication credential.",
            )
        return found

    def decide(self, service: str, caller: Caller, permission: str, resource: str, resource_type: str) -> Decision:
        """Decide and record it."""
        decision = self.policies.decide(caller, permission, resource, resource_type)
        code = "" if decision.allowed else "PERMISSION_DENIED"
        self.decisions.add(
            RecordedDecision(
                service, str(caller), permission, decision.allowed, code, decision.reason, {"resource": resource}
            )
        )
        return decision
