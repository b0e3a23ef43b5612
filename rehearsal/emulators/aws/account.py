"""One account: its store, what it holds, who is who in it, and what each may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.emulators.aws import limits, signature
from rehearsal.emulators.aws.associations import Associations
from rehearsal.emulators.aws.boundaries import UserBoundaries
from rehearsal.emulators.aws.calls import ApiCall, ApiError, HttpRequest, parse, render
from rehearsal.emulators.aws.directory import Directory
from rehearsal.emulators.aws.policy import Decision, PolicyError, Principal, Request, identity_decision
from rehearsal.emulators.aws.propagation import DelayedIdentities
from rehearsal.emulators.aws.sessions import OPERATOR_KEY, OPERATOR_SECRET, Session, Sessions
from rehearsal.emulators.aws.store import LOCK, Journal, Moto
from rehearsal.emulators.aws.templates import Templates
from rehearsal.emulators.decisions import DecisionLog

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request: the operator (neither), a role session, or an IAM user by name."""

    session: Session | None = None
    user: str = ""

    @property
    def operator(self) -> bool:
        return self.session is None and not self.user


class Account:
    """``account`` is its twelve digits, ``region`` where its registry is. Loads what earlier processes recorded in ``data``.

    ``propagation`` seconds pass before decisions see a change of a role or user. Methods may be called from any thread.
    """

    def __init__(
        self,
        account: str,
        region: str,
        partition: str,
        data: Path,
        *,
        propagation: float,
        quotas: limits.Quotas | None = None,
        decisions: DecisionLog | None = None,
    ) -> None:
        self.id, self.region, self.partition = account, region, partition
        self.quotas = quotas or limits.Quotas()
        self.decisions = decisions or DecisionLog()
        self.directory = Directory(account, partition)
        self.sessions = Sessions()
        self.templates = Templates(account)
        self.associations = Associations(self.directory)
        self._boundaries = UserBoundaries(self.directory)
        self.identities = DelayedIdentities(self.directory, propagation)
        self.generations: dict[tuple[str, str], int] = {}
        """How often each repository was created: a new one under an old name does not have the old one's images."""
        self._moto = Moto(account, region)
        self._journal = Journal(data / f"aws-{account}.journal")
        with LOCK:
            # moto fills a new account with AWS's own policies when it is first asked: before any seed, not under the first one.
            self.directory.role_names()
            self._journal.replay(lambda http, at: self._apply(parse(http, region), at) and None)

    # Requests.

    def handle(self, call: ApiCall) -> Answer:
        """Carry out an authorised operation. Raises ApiError."""
        with LOCK:
            limits.enforce(call, self.directory, self.quotas)
            # Whole seconds, as APIs give dates: what is played again later then has the same.
            now = float(int(time.time()))
            answer = self._apply(call, now)
            if call.changes and answer[0] < 300:
                self._journal.append(call.http, now)
            return answer

    def _apply(self, call: ApiCall, at: float) -> Answer:
        own: Callable[[ApiCall, float], dict[str, Any]] | None = {
            **self.templates.operations,
            **self.associations.operations,
            **self._boundaries.operations,
        }.get(call.operation)
        if own is not None:
            rendered = render(call, own(call, at), "rehearsal")
            if call.changes:
                self._note(call, at)
            return rendered
        answer = self._moto.send(call.http, call.service, self._journal.seed() if call.changes else None)
        if call.changes and answer[0] < 300:
            self._note(call, at)
        return answer

    def _note(self, call: ApiCall, at: float) -> None:
        self.directory.date(call, at)
        self._boundaries.created(call)
        for kind in ("role", "user"):
            if name := call.text(f"{kind.title()}Name"):
                self.identities.changed(kind, name, at)
        if call.operation in ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"):
            for name in self.directory.role_names():
                self.identities.changed("role", name, at)
        if (call.service, call.operation) == ("ecr", "CreateRepository"):
            key = (call.region, call.text("repositoryName"))
            self.generations[key] = self.generations.get(key, 0) + 1

    # Callers.

    def authenticate(self, http: HttpRequest, access_key: str) -> Caller:
        """Whose signature a request bears. Raises ApiError."""
        if access_key == OPERATOR_KEY:
            signature.verify(http, OPERATOR_SECRET)
            return Caller()
        session = self.sessions.find(access_key)
        if session is not None:
            if http.headers.get("x-amz-security-token") != session.token:
                raise ApiError(
                    "UnrecognizedClientException", "The security token included in the request is invalid.", 403
                )
            if time.time() > session.expires:
                raise ApiError("ExpiredTokenException", "The security token included in the request is expired", 403)
            signature.verify(http, session.secret)
            return Caller(session=session)
        with LOCK:
            key = self.directory.access_key(access_key)
        if key is None or not key[2]:
            raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        signature.verify(http, key[1])
        return Caller(user=key[0])

    def decide(self, caller: Caller, action: str, resource: str, repository_policy: Any = None) -> Decision:
        """Whether the caller may do ``action`` on ``resource``, by the documents as decisions see them now."""
        if caller.operator:
            return Decision(True, "the operator")
        with LOCK:
            identity = (
                self.identities.role(caller.session.role_arn) if caller.session else self.identities.user(caller.user)
            )
        if identity is None:
            return Decision(False, "because its role or user does not exist (any more)")
        principal = caller.session.principal if caller.session else Principal("AWS", (identity.arn, self.root, self.id))
        context = {
            "aws:PrincipalArn": identity.arn,
            "aws:PrincipalAccount": self.id,
            "aws:PrincipalType": "AssumedRole" if caller.session else "User",
            "aws:RequestedRegion": self.region,
            "aws:SecureTransport": "true",
            **{f"aws:PrincipalTag/{key}": value for key, value in (identity.tags or {}).items()},
            **(caller.session.context if caller.session else {}),
        }
        session_policy = caller.session.policy if caller.session else None
        try:
            return identity_decision(
                Request(principal, action, resource, context),
                identity.policies,
                [("the repository policy", repository_policy)] if repository_policy else (),
                identity.boundary,
                ("the session policy", session_policy) if session_policy else None,
            )
        except PolicyError as error:
            return Decision(False, f"because a policy cannot be evaluated: {error}")

    def name_of(self, caller: Caller) -> str:
        """The ARN of a caller in messages."""
        if caller.session is not None:
            return caller.session.arn
        return f"arn:{self.partition}:iam::{self.id}:" + (f"user/{caller.user}" if caller.user else "user/operator")

    @property
    def root(self) -> str:
        return f"arn:{self.partition}:iam::{self.id}:root"
