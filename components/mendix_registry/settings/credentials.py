"""Whether a text that need not be a secret has a credential in it: by its name, as in ``--client-secret VALUE``, or by its form.

Used for what a stack file may hold in plain text: a kubeconfig, a download's URL, the overlay of the OperatorConfiguration. Every
answer names the place of the credential and never repeats its value.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|(?<![a-z])pwd|credential|jwt|"
    r"(?:api|access|private|account|shared|signing|encryption|storage)[-_.]?key(?!s)|^client-key-data$",
    re.IGNORECASE,
)
_OTHER_NAME = re.compile(
    r"(?:file|path|dir|directory|url|uri|endpoint|name|ref|reference|id|type|cache|storage|ttl|seconds|sec|timeout|method|"
    r"header|expiration|duration|version|provider|issuer|audience)$|^(?:no|use|with|enable|disable|skip)[-_]|[-_]use[-_]",
    re.IGNORECASE,
)
"""Names that speak of a credential and carry something else: ``tokenFile``, ``--token-cache-dir``, ``AWS_ACCESS_KEY_ID``,
``--oidc-use-access-token``."""

_PLACEHOLDER = re.compile(r"\$.*|%\w+%|<[^<>]*>|true|false|null|~?", re.IGNORECASE | re.DOTALL)
"""What is no credential itself: nothing, a variable that is filled in later, a switch."""

_USER_IN_URL = re.compile(r"://[^/\s:@\"']+:(?!\$)[^/\s@\"']+@")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.")
_AUTHORIZATION = re.compile(r"authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token)\s+(?!\$|<)\S", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*")

_PARAMETER = re.compile(
    r"token|^sig$|signature|secret|passw|^pwd$|^auth|credential|^key$|api[-_]?key|access[-_]?key", re.IGNORECASE
)
"""Names of query parameters that carry a credential: ``token``, ``sig`` (Azure), ``X-Amz-Signature``, ``X-Goog-Signature`` …"""


def is_credential(name: str, value: str) -> bool:
    """Whether what ``name`` is set to is a credential."""
    if not _SECRET_NAME.search(name) or _OTHER_NAME.search(name.lstrip("-")):
        return False
    if re.search(r"key$|credentials?$", name, re.IGNORECASE) and re.match(r"[~.]{0,2}/|[A-Za-z]:\\", value):
        # Where it is, such as GOOGLE_APPLICATION_CREDENTIALS.
        return False
    return _PLACEHOLDER.fullmatch(value) is None


def by_form(text: str) -> str | None:
    """What in ``text`` is a credential whatever its name, or None."""
    if _USER_IN_URL.search(text):
        return "a URL with a password"
    if _JWT.search(text):
        return "a JSON Web Token"
    if _AUTHORIZATION.search(text):
        return "an authorization header"
    if _PRIVATE_KEY.search(text) or _PRIVATE_KEY.search(_decoded(text)):
        return "a private key"
    return None


def in_tree(value: Any, name: str = "") -> str | None:
    """What below ``value`` is a credential, or None; ``name`` is the key that ``value`` stands under."""
    if isinstance(value, Mapping):
        entries: Iterator[tuple[str, Any]] = ((str(k), v) for k, v in cast("Mapping[Any, Any]", value).items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        entries = ((name, item) for item in cast("Sequence[Any]", value))
    elif isinstance(value, str):
        return name if is_credential(name, value) else by_form(value)
    else:
        return None
    return next((found for key, item in entries if (found := in_tree(item, key))), None)


def in_url(url: str) -> str | None:
    """What in the URL is a credential, or None."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return "a user"
    # Some servers take parameters after a semicolon, and some clients send what follows the '#'.
    queries = (parts.query, parts.query.replace(";", "&"), parts.fragment, parts.path.partition(";")[2])
    return next(
        (
            f"the parameter {name}"
            for query in queries
            for name, _ in parse_qsl(query, keep_blank_values=True)
            if _PARAMETER.search(name)
        ),
        None,
    )


def _decoded(text: str) -> str:
    if not _BASE64.fullmatch(text):
        return ""
    try:
        return base64.b64decode("".join(text.split())).decode("latin-1")
    except binascii.Error:
        return ""
