"""Names and labels that the Kubernetes side shares."""

from __future__ import annotations

import hashlib

MANAGED_BY = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "mendix-registry"}
"""Labels of every object that this project creates. Mendix asks for none that begin with ``privatecloud.mendix.com/``."""


def short(name: str, most: int) -> str:
    """``name`` if it has at most ``most`` characters, else its beginning and eight digits of its hash: two long names never become
    one."""
    if len(name) <= most:
        return name
    return f"{name[: most - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
