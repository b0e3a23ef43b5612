"""AWS Signature Version 4, verified. Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from rehearsal.emulators.aws.calls import ApiError, HttpRequest

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+),\s*SignedHeaders=(?P<headers>[^,]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=15)


def verify(http: HttpRequest, secret: str) -> None:
    """Raises ApiError unless the request was signed with ``secret`` within the last minutes."""
    match = _AUTHORIZATION.fullmatch(http.headers.get("authorization", ""))
    if match is None:
        raise ApiError("IncompleteSignature", "the Authorization header is no AWS4-HMAC-SHA256 signature", 403)
    moment = http.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError("IncompleteSignature", "the X-Amz-Date header is missing or malformed", 403) from error
    if abs(datetime.now(UTC) - signed_at) > _SKEW:
        raise ApiError("SignatureDoesNotMatch", f"Signature expired: {moment} is not within 15 minutes of now", 403)
    names = match["headers"].split(";")
    canonical = "\n".join(
        (
            http.method,
            # Signers encode the path as sent once more, S3 excepted, which is not here.
            quote(http.path, safe="/-_.~"),
            _query(http.query),
            *(f"{name}:{' '.join(http.headers.get(name, '').split())}" for name in names),
            "",
            match["headers"],
            hashlib.sha256(http.body).hexdigest(),
        )
    )
    scope = match["scope"]
    text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, match["signature"]):
        raise ApiError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
            "and signing method.",
            403,
        )


def _query(query: str) -> str:
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{key}={value}" for key, value in pairs)
