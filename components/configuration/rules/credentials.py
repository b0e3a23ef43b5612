"""Whether a text that need not be a secret has a credential in it: a kubeconfig, a download's URL."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_KUBECONFIG_KEY = re.compile(
    r"""(?<![\w-])(token|password|client-key-data|client-secret|id-token|refresh-token|access-token)["']?\s*:[ \t]*"""
    r"""(?!["']{2}|null\b|~|\#|[,}])(?=[^\s])"""
)
"""A key with a value. ``tokenFile`` and ``client-key`` are no credentials but paths of one."""
_EXEC_VARIABLE = re.compile(
    r"""name["']?\s*:\s*["']?(\w*(?:SECRET|TOKEN|PASSWORD)\w*)["']?\s*,?\s*["']?value["']?\s*:"""
)
_USER_IN_URL = re.compile(r"://[^/\s:@\"']+:[^/\s@\"']+@")

_PARAMETER = re.compile(
    r"token|^sig$|signature|secret|passw|^pwd$|^auth|credential|^key$|api[-_]?key|access[-_]?key", re.IGNORECASE
)
"""Names of query parameters that carry a credential: ``token``, ``sig`` (Azure), ``X-Amz-Signature``, ``X-Goog-Signature`` …"""


def in_kubeconfig(text: str) -> str | None:
    """What in the kubeconfig is a credential, or None: then a plug-in, or a file, has it."""
    if found := _KUBECONFIG_KEY.search(text) or _EXEC_VARIABLE.search(text):
        return found[1]
    return "a URL with a password" if _USER_IN_URL.search(text) else None


def in_url(url: str) -> str | None:
    """What in the URL is a credential, or None."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return "a user"
    return next(
        (
            f"the parameter {name}"
            for name, _ in parse_qsl(parts.query, keep_blank_values=True)
            if _PARAMETER.search(name)
        ),
        None,
    )
