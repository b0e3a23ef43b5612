"""Amazon ECR's registry: who may do what with which repository, decided at each request.

The actions that each request of the distribution API needs: docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html and
service-authorization/latest/reference/list_amazonelasticcontainerregistry.html.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import fnmatch
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from rehearsal.emulators.aws.account import Account, Caller
from rehearsal.emulators.aws.calls import ApiCall, ApiError, HttpRequest
from rehearsal.emulators.aws.store import LOCK
from rehearsal.emulators.decisions import RecordedDecision
from rehearsal.registry.authority import Action, Allowed, Refused, RegistryRequest

ACTIONS: Mapping[Action, str] = {
    "read-manifest": "ecr:BatchGetImage",
    "write-manifest": "ecr:PutImage",
    "delete-manifest": "ecr:BatchDeleteImage",
    "list-tags": "ecr:ListImages",
    "stat-blob": "ecr:BatchCheckLayerAvailability",
    "read-blob": "ecr:GetDownloadUrlForLayer",
    "start-upload": "ecr:InitiateLayerUpload",
    "write-upload": "ecr:UploadLayerPart",
    "finish-upload": "ecr:CompleteLayerUpload",
}
_TARGET = "AmazonEC2ContainerRegistry_V20150921"


class EcrTokens:
    """Authorisation tokens: a caller's right to speak to the registry, not a permission by itself."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[Caller, float]] = {}

    def issue(self, caller: Caller, seconds: float) -> str:
        token = secrets.token_urlsafe(48)
        # AWS's live for twelve hours, but no longer than the session that asked.
        limit = caller.session.expires if caller.session else time.time() + seconds
        self._tokens[_digest(token)] = (caller, min(time.time() + seconds, limit))
        return token

    def find(self, token: str) -> Caller | None:
        """Whose token it is; None for one that is unknown or has expired."""
        caller, expires = self._tokens.get(_digest(token), (None, 0.0))
        return caller if time.time() < expires else None


class EcrAuthority:
    """The decision about each request to one registry: the account's own in a region, or another account's (``registry``),
    which has granted nothing here."""

    def __init__(self, account: Account, region: str, tokens: EcrTokens, registry: str = "") -> None:
        self._account, self._region, self._tokens = account, region, tokens
        self._registry = registry or account.id

    async def authorize(self, request: RegistryRequest) -> Allowed | Refused:
        verdict = await asyncio.to_thread(self._authorize, request)
        # Before a client has a token it is asked for one: that is no decision of anybody.
        if request.authorization and request.action != "ping":
            caller = self._caller(request.authorization)
            refused = verdict if isinstance(verdict, Refused) else None
            self._account.decisions.add(
                RecordedDecision(
                    "ecr",
                    self._account.name_of(caller) if caller else "",
                    ACTIONS.get(request.action, request.action),
                    refused is None,
                    refused.code if refused else "",
                    refused.message if refused else "",
                    {"repository": request.repository, "host": request.host},
                )
            )
        return verdict

    def _authorize(self, request: RegistryRequest) -> Allowed | Refused:
        caller = self._caller(request.authorization)
        if caller is None:
            challenge = f'Basic realm="https://{request.host}/",service="ecr.amazonaws.com"'
            if not request.authorization:
                return Refused(401, "UNAUTHORIZED", "Not Authorized", {"www-authenticate": challenge})
            return Refused(
                403, "DENIED", "Your authorization token is invalid or has expired. Reauthenticate and try again."
            )
        if request.action == "ping":
            return Allowed()
        action = ACTIONS.get(request.action)
        if action is None:
            return Refused(405, "UNSUPPORTED", f"Amazon ECR does not support {request.action}")
        account = self._account
        arn = f"arn:{account.partition}:ecr:{self._region}:{self._registry}:repository/{request.repository}"
        with LOCK:
            own = self._registry == account.id
            repository = account.directory.repository(self._region, request.repository) if own else None
        refused = self._denied(caller, action, arn, repository.policy if repository else None)
        if refused is not None:
            return refused
        if repository is None:
            missing = self._create_on_push(caller, arn, request)
            if missing is not None:
                return missing
        generation = account.generations.get((self._region, request.repository), 0)
        # Names may nest, so what distinguishes generations and regions is in front.
        return Allowed(f"aws/{account.id}/{self._region}/{generation}/{request.repository}")

    async def before_manifest(self, request: RegistryRequest, manifest: bytes, media_type: str) -> Refused | None:
        del media_type
        with LOCK:
            repository = self._account.directory.repository(self._region, request.repository)
        if repository is None or request.reference.startswith("sha256:"):
            return None
        present = repository.digests.get(request.reference)
        if present is None:
            return None
        if present == f"sha256:{hashlib.sha256(manifest).hexdigest()}":
            return None
        immutable = repository.mutability.startswith("IMMUTABLE")
        excluded = any(fnmatch.fnmatchcase(request.reference, pattern) for pattern in repository.exclusions)
        if immutable == excluded:
            return None
        message = (
            f"The image tag '{request.reference}' already exists in the '{request.repository}' repository and cannot be "
            "overwritten because the tag is immutable."
        )
        return Refused(400, "TAG_INVALID", message)

    async def manifest_written(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        await asyncio.to_thread(self._record, request, manifest, media_type, digest)

    def _record(self, request: RegistryRequest, manifest: bytes, media_type: str, digest: str) -> None:
        tag = {} if request.reference.startswith("sha256:") else {"imageTag": request.reference}
        parameters: dict[str, Any] = {
            "repositoryName": request.repository,
            "imageManifest": manifest.decode(),
            "imageManifestMediaType": media_type,
            "imageDigest": digest,
            **tag,
        }
        try:
            self._account.handle(self._call("PutImage", parameters))
        except ApiError as fault:
            if fault.code != "ImageAlreadyExistsException":
                raise

    def _caller(self, authorization: str) -> Caller | None:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, token = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._tokens.find(token) if user == "AWS" else None

    def _denied(self, caller: Caller, action: str, arn: str, policy: Any) -> Refused | None:
        decision = self._account.decide(caller, action, arn, policy)
        if decision.allowed:
            return None
        who = self._account.name_of(caller)
        message = f"User: {who} is not authorized to perform: {action} on resource: {arn} {decision.reason}"
        return Refused(403, "DENIED", message)

    def _create_on_push(self, caller: Caller, arn: str, request: RegistryRequest) -> Refused | None:
        account = self._account
        template = account.templates.matching(self._region, request.repository)
        writes = request.action in ("start-upload", "write-manifest")
        if template is None or not writes:
            message = (
                f"The repository with name '{request.repository}' does not exist in the registry with id '{account.id}'"
            )
            return Refused(404, "NAME_UNKNOWN", message)
        refused = self._denied(caller, "ecr:CreateRepository", arn, None)
        if refused is not None:
            return refused
        same = ("encryptionConfiguration", "imageTagMutability", "imageTagMutabilityExclusionFilters")
        made: dict[str, Any] = {key: template[key] for key in same if template.get(key)}
        if template.get("resourceTags"):
            made["tags"] = template["resourceTags"]
        account.handle(self._call("CreateRepository", {"repositoryName": request.repository, **made}))
        for operation, key, name in (
            ("SetRepositoryPolicy", "repositoryPolicy", "policyText"),
            ("PutLifecyclePolicy", "lifecyclePolicy", "lifecyclePolicyText"),
        ):
            if template.get(key):
                account.handle(self._call(operation, {"repositoryName": request.repository, name: template[key]}))
        return None

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> ApiCall:
        body = json.dumps(parameters).encode()
        scope = f"Credential=REGISTRY/20260101/{self._region}/ecr/aws4_request"
        headers = {
            "x-amz-target": f"{_TARGET}.{operation}",
            "content-type": "application/x-amz-json-1.1",
            "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature={'0' * 64}",
        }
        http = HttpRequest("POST", "/", "", headers, body)
        return ApiCall("ecr", self._region, operation, parameters, "REGISTRY", http)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
