"""The role of the cluster's EC2 nodes, as which they pull."""

from __future__ import annotations

from rehearsal.emulators.aws.account import Account, Caller
from rehearsal.emulators.aws.ecr import EcrTokens
from rehearsal.emulators.aws.policy import Principal, Request, trust_decision
from rehearsal.emulators.aws.store import LOCK
from rehearsal.emulators.decisions import RecordedDecision

_SESSION_SECONDS = 6 * 3600
_INSTANCE = "i-0123456789abcdef0"


class Ec2Nodes:
    """Satisfies :class:`rehearsal.emulators.nodes.NodeIdentity`: an instance whose profile has the role ``role``."""

    def __init__(self, account: Account, hosts: tuple[str, ...], tokens: EcrTokens, role: str) -> None:
        self._account, self._hosts, self._tokens, self._role = account, hosts, tokens, role

    def node_credentials(self, host: str) -> tuple[str, str] | None:
        if host not in self._hosts:
            return None
        account = self._account
        with LOCK:
            found = account.directory.role(self._role)
            role = account.identities.role(found.arn) if found is not None else None
        if role is None or role.trust is None:
            return self._refused(f"there is no role {self._role} for the nodes")
        asked = Request(Principal("Service", ("ec2.amazonaws.com",)), "sts:AssumeRole", role.arn)
        trusted = trust_decision(asked, f"the trust policy of {role.name}", role.trust)
        if not trusted.allowed:
            return self._refused(trusted.reason)
        caller = Caller(session=account.sessions.issue(role.arn, role.unique_id, _INSTANCE, _SESSION_SECONDS))
        decision = account.decide(caller, "ecr:GetAuthorizationToken", "*")
        if not decision.allowed:
            return self._refused(f"{account.name_of(caller)} may not ecr:GetAuthorizationToken {decision.reason}")
        return "AWS", self._tokens.issue(caller, _SESSION_SECONDS)

    def _refused(self, reason: str) -> None:
        self._account.decisions.add(
            RecordedDecision("ec2", self._role, "node-credentials", False, "AccessDenied", reason)
        )
