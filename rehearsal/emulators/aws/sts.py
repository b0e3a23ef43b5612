"""AWS STS: a cluster's token is exchanged for a role."""

from __future__ import annotations

import re
import time
from typing import Any

from rehearsal.emulators.aws.account import Account
from rehearsal.emulators.aws.calls import ApiCall, ApiError
from rehearsal.emulators.aws.policy import PolicyError, Principal, Request, trust_decision
from rehearsal.emulators.aws.sessions import Session
from rehearsal.emulators.aws.store import LOCK
from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.emulators.tokens import ClusterTokens, TokenError, unverified_subject

_FAULTS = {
    "form": ("InvalidIdentityToken", 400),
    "issuer": ("InvalidIdentityToken", 400),
    "signature": ("InvalidIdentityToken", 400),
    "expiry": ("ExpiredTokenException", 400),
    "keys": ("IDPCommunicationError", 400),
}


def assume_with_web_identity(account: Account, tokens: ClusterTokens, call: ApiCall) -> dict[str, Any]:
    """``AssumeRoleWithWebIdentity``: the token, then the account's identity provider, then the role's trust policy.

    Raises ApiError with AWS's codes.
    """
    subject = unverified_subject(call.text("WebIdentityToken"))
    role = call.text("RoleArn")
    try:
        result = _assume(account, tokens, call)
    except ApiError as error:
        account.decisions.add(
            RecordedDecision("sts", subject, call.operation, False, error.code, error.message, {"role": role})
        )
        raise
    account.decisions.add(RecordedDecision("sts", subject, call.operation, True, details={"role": role}))
    return result


def _assume(account: Account, tokens: ClusterTokens, call: ApiCall) -> dict[str, Any]:
    name, arn = call.text("RoleSessionName"), call.text("RoleArn")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise ApiError("ValidationError", "Value at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{2,64}")
    seconds = int(call.text("DurationSeconds") or 3600)
    if not 900 <= seconds <= 43200:
        raise ApiError("ValidationError", "Value at 'durationSeconds' failed to satisfy constraint: 900 to 43200")
    try:
        token = tokens.verify(call.text("WebIdentityToken"))
    except TokenError as error:
        raise ApiError(_FAULTS[error.fault][0], str(error), _FAULTS[error.fault][1]) from error
    with LOCK:
        provider = account.directory.oidc_provider(token.issuer)
        role = account.identities.role(arn)
    if provider is None:
        raise ApiError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {token.issuer}")
    if not set(token.audiences) & set(provider[1]):
        raise ApiError("InvalidIdentityToken", f"Incorrect token audience: {', '.join(token.audiences) or 'none'}")
    issuer = token.issuer.removeprefix("https://")
    context: dict[str, str | list[str]] = {
        f"{issuer}:sub": token.subject,
        f"{issuer}:aud": token.audiences[0] if len(token.audiences) == 1 else list(token.audiences),
        "sts:RoleSessionName": name,
    }
    request = Request(Principal("Federated", (provider[0],)), "sts:AssumeRoleWithWebIdentity", arn, context)
    refused = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    if role is None or role.trust is None:
        # AWS reports no more, so that no one can find out which roles exist; a rehearsal may add why.
        raise ApiError(
            "AccessDenied", f"{refused} (rehearsal: there is no role {arn}, or its creation is not visible yet)", 403
        )
    try:
        decision = trust_decision(request, f"the trust policy of {role.name}", role.trust)
    except PolicyError as error:
        raise ApiError(
            "AccessDenied", f"{refused} (rehearsal: the trust policy cannot be evaluated: {error})", 403
        ) from error
    if not decision.allowed:
        raise ApiError("AccessDenied", f"{refused} (rehearsal: {decision.reason})", 403)
    if seconds > role.longest_session:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    session = account.sessions.issue(arn, role.unique_id, name, seconds)
    return {
        "SubjectFromWebIdentityToken": token.subject,
        "Audience": token.audiences[0] if token.audiences else "",
        "AssumedRoleUser": {"AssumedRoleId": f"{role.unique_id}:{name}", "Arn": session.arn},
        "Credentials": credentials(session),
        "Provider": provider[0],
    }


def credentials(session: Session) -> dict[str, str]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": session.expiration,
    }


def remaining(session: Session) -> int:
    """Whole seconds that a session has left."""
    return max(0, int(session.expires - time.time()))
