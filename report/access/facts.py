"""What a provider's resources mean for access, in the words that all clouds share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from access_documents.kubernetes import SUBJECT

EVERY_REPOSITORY: Final = "(every repository)"
NOT_KNOWN: Final = "(known after up)"
NOT_UNDERSTOOD: Final = "(not understood)"
"""Stands for a repository where a condition cannot be read: it may be every one."""
NOBODY: Final = "(nobody)"
"""Namespace of a trust that no token satisfies. It is known, so nothing else is assumed instead."""
ITSELF: Final = "itself"
"""Identity of a ServiceAccount that needs no other one."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may act as an identity.

    ``identity`` is the key that :class:`Permission` uses too; ``shown`` how it is called; ``issuer`` the cluster's OIDC
    issuer or name as the cloud knows it, empty for the stack's own cluster; ``how`` the way it is proved.
    """

    identity: str
    shown: str
    issuer: str
    namespace: str
    service_account: str
    how: str


@dataclass(frozen=True, slots=True)
class Permission:
    """What an identity may do: ``verbs`` of ``pull``, ``push``, ``create`` (repositories), ``delete``,
    ``administer``, in that order; none where it is known that nothing is allowed."""

    identity: str
    shown: str
    host: str
    repository: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one module found on one side."""

    trusts: tuple[Trust, ...] = ()
    permissions: tuple[Permission, ...] = ()


def subject_parts(subject: str) -> tuple[str, str]:
    """Namespace and ServiceAccount of ``system:serviceaccount:NS:SA``; anything else is shown as it is."""
    match = SUBJECT.fullmatch(subject)
    return (match[1], match[2]) if match else (subject, "")
