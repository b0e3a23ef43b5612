"""EKS Pod Identity: the agent's credentials endpoint, and EKS Auth behind it.

Source: docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and …/pod-id-abac.html (session tags).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rehearsal.emulators.aws.account import Account
from rehearsal.emulators.aws.calls import ApiError
from rehearsal.emulators.aws.directory import document
from rehearsal.emulators.aws.policy import PolicyError, Principal, trust_decision
from rehearsal.emulators.aws.policy import Request as PolicyRequest
from rehearsal.emulators.aws.store import LOCK
from rehearsal.emulators.aws.sts import credentials
from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.emulators.tokens import ClusterToken, ClusterTokens, TokenError, unverified_subject

ADDRESS = "169.254.170.23"
AUDIENCE = "pods.eks.amazonaws.com"
PATH = "/v1/credentials"


class PodIdentityAgent:
    """The ASGI application at 169.254.170.23: a pod's token for the credentials of its association."""

    def __init__(self, account: Account, tokens: ClusterTokens) -> None:
        self._account, self._tokens = account, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path != PATH:
            response: Response = JSONResponse({"message": "not found"}, 404)
        else:
            token = request.headers.get("authorization", "")
            subject = unverified_subject(token)
            try:
                response = JSONResponse(await asyncio.to_thread(assume, self._account, self._tokens, token))
                decision = RecordedDecision("pod-identity", subject, "AssumeRoleForPodIdentity", True)
            except ApiError as error:
                response = JSONResponse({"__type": error.code, "message": error.message}, error.status)
                decision = RecordedDecision(
                    "pod-identity", subject, "AssumeRoleForPodIdentity", False, error.code, error.message
                )
            self._account.decisions.add(decision)
        await response(scope, receive, send)


def assume(account: Account, tokens: ClusterTokens, token: str) -> dict[str, Any]:
    """``AssumeRoleForPodIdentity``. Raises ApiError."""
    try:
        verified = tokens.verify(token)
    except TokenError as error:
        code = "ExpiredTokenException" if error.fault == "expiry" else "InvalidTokenException"
        words = f"the token's issuer is not the cluster: {error.issuer}" if error.fault == "issuer" else str(error)
        raise ApiError(code, words) from error
    if AUDIENCE not in verified.audiences:
        raise ApiError("InvalidTokenException", f"the token's audience is {verified.audiences}, not {AUDIENCE}")
    namespace, name = verified.service_account or ("", "")
    with LOCK:
        found = account.associations.find(namespace, name)
    if found is None:
        raise ApiError(
            "AccessDeniedException", f"no association for ServiceAccount {namespace}/{name} in the cluster", 404
        )
    _, association = found
    with LOCK:
        role = account.identities.role(association["roleArn"])
    if role is None or role.trust is None:
        message = f"there is no role {association['roleArn']}, or its creation is not visible yet"
        raise ApiError("AccessDeniedException", message)
    tags = {} if association.get("disableSessionTags") else session_tags(account, association, verified)
    context: dict[str, str | list[str]] = {
        "aws:SourceAccount": account.id,
        "aws:SourceArn": association["associationArn"]
        .replace(":podidentityassociation/", ":cluster/")
        .rpartition("/")[0],
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **({"aws:TagKeys": list(tags)} if tags else {}),
    }
    for action in ("sts:AssumeRole", *(("sts:TagSession",) if tags else ())):
        asked = PolicyRequest(Principal("Service", (AUDIENCE,)), action, role.arn, context)
        try:
            decision = trust_decision(asked, f"the trust policy of {role.name}", role.trust)
        except PolicyError as error:
            raise ApiError("AccessDeniedException", f"the trust policy cannot be evaluated: {error}") from error
        if not decision.allowed:
            raise ApiError("AccessDeniedException", f"Unauthorized Exception! EKS does not have permissions to assume the "
                        f"associated role: {action} (rehearsal: {decision.reason})")  # fmt: skip
    session_name = (
        re.sub(r"[^\w+=,.@-]", "-", f"eks-{association['clusterName']}-{name}")[:51] + f"-{secrets.token_hex(6)}"
    )
    session = account.sessions.issue(
        role.arn,
        role.unique_id,
        session_name,
        6 * 3600,
        {f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
        document(association["policy"]) if association.get("policy") else None,
    )
    issued = credentials(session)
    return {
        "AccessKeyId": issued["AccessKeyId"],
        "SecretAccessKey": issued["SecretAccessKey"],
        "Token": issued["SessionToken"],
        "AccountId": account.id,
        "Expiration": issued["Expiration"],
    }


def session_tags(account: Account, association: dict[str, Any], token: ClusterToken) -> dict[str, str]:
    """The six tags that EKS puts on a session."""
    kubernetes: dict[str, Any] = token.claims.get("kubernetes.io") or {}
    pod: dict[str, Any] = kubernetes.get("pod") or {}
    return {
        "eks-cluster-arn": association["associationArn"]
        .replace(":podidentityassociation/", ":cluster/")
        .rpartition("/")[0],
        "eks-cluster-name": association["clusterName"],
        "kubernetes-namespace": association["namespace"],
        "kubernetes-service-account": association["serviceAccount"],
        "kubernetes-pod-name": str(pod.get("name", "")),
        "kubernetes-pod-uid": str(pod.get("uid", "")),
    }
