"""What to do about the failures that clusters report in their own words."""

from __future__ import annotations

import re
from typing import Final

# First match wins, so the specific stands before the general. Texts are those of containerd, the kubelet and the API
# server.
_HINTS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"field not declared in schema",
        "this kind has no such field in this version of Kubernetes; check its spelling and the apiVersion",
    ),
    (
        r"violates PodSecurity",
        "the namespace enforces a Pod Security Standard that this pod does not meet; set the named "
        "securityContext fields "
        "(or the namespace's pod-security.kubernetes.io/enforce label)",
    ),
    (
        r"unable to validate against any security context constraint",
        "OpenShift gives each project a range of users, and this pod asks for what no constraint allows it: take runAsUser "
        "(and what else is named) out of its securityContext",
    ),
    (
        r"admission webhook \S+ denied the request",
        "the named webhook of this cluster does not let it in: its own words say why",
    ),
    (
        r"exceeded quota",
        "the namespace's ResourceQuota is used up; lower the requests, delete what is not needed or raise the quota",
    ),
    (
        r"error looking up service account|serviceaccount \S+ not found",
        "create the ServiceAccount first: make this resource depend on it",
    ),
    (r"secret \S+ not found", "create the Secret in the same namespace first: make this resource depend on it"),
    (r"configmap \S+ not found", "create the ConfigMap in the same namespace first: make this resource depend on it"),
    (r"couldn't find key", "the Secret or ConfigMap has no such key; check the key's name"),
    (r"runAsNonRoot", "the image runs as root; set securityContext.runAsUser to another user, or use another image"),
    (
        r"server gave HTTP response to HTTPS client",
        "the registry speaks plain http and the nodes' container runtime expects https; give the registry TLS, "
        "or configure "
        "the runtime's hosts.toml for this host",
    ),
    (
        r"x509|certificate",
        "the nodes' container runtime does not trust the registry's CA; add the CA to its hosts.toml",
    ),
    (
        r"toomanyrequests|429",
        "the registry limits the rate of anonymous pulls; give the pod an imagePullSecret or mirror the image",
    ),
    (
        r"unauthorized|authentication required|denied|forbidden|401|403|no basic auth credentials",
        "the nodes may not pull this image: check imagePullSecrets of the pod and its ServiceAccount, the "
        "credentials in them, "
        "and the image's name (many registries say 'denied' when it does not exist)",
    ),
    (
        r"no such host|server misbehaving|dial tcp: lookup",
        "the node cannot resolve the registry's name; check the host and the node's DNS",
    ),
    (
        r"connection refused|i/o timeout|no route to host|network is unreachable|deadline exceeded",
        "the node cannot reach the registry; check host, port and network policies or firewalls",
    ),
    (
        r"not found|manifest unknown|name unknown",
        "the image does not exist in the registry; check repository, tag and digest",
    ),
    (
        r"invalid reference format|InvalidImageName",
        "the image reference is malformed; check it for spaces, capitals and empty parts",
    ),
    (
        r"ErrImageNeverPull",
        "imagePullPolicy is Never and the node does not have the image; import it on the node or allow pulling",
    ),
    (r"OOMKilled", "the container needed more memory than its limit; raise resources.limits.memory"),
    (
        r"DeadlineExceeded",
        "the Job ran longer than spec.activeDeadlineSeconds; see above for what it was doing, or raise it",
    ),
    (r"exec format error", "the image is for another processor architecture than the node"),
    (r"executable file not found|no such file or directory", "the image has no such command; check command and args"),
    (
        r"nodes? are available|Unschedulable",
        "no node can take the pod: compare its requests, nodeSelector and tolerations with the nodes",
    ),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), hint) for pattern, hint in _HINTS)


def hint_for(*texts: str) -> str | None:
    """What to do about a failure described by these texts, or None where nothing is known."""
    whole = " ".join(texts)
    for pattern, hint in _COMPILED:
        if pattern.search(whole):
            return hint
    return None


def with_hint(message: str, *more: str) -> str:
    """The message, with what to do on a line of its own where that is known."""
    hint = hint_for(message, *more)
    return f"{message}\n  what to do: {hint}" if hint else message
