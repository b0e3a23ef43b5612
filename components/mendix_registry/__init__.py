"""Container registries for Mendix on Kubernetes (formerly Mendix for Private Cloud) as Pulumi components.

A name is loaded when it is used, and with it the SDK of its cloud: importing this package imports none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mendix_registry.kinds.amazon_ecr.push_role import EcrPushRole, EcrPushRoleArgs
    from mendix_registry.kinds.amazon_ecr.push_user import EcrPushUser, EcrPushUserArgs
    from mendix_registry.kinds.amazon_ecr.registry import EcrRegistry, EcrRegistryArgs
    from mendix_registry.kinds.google_gcr.direct import DirectPushAccess, DirectPushAccessArgs
    from mendix_registry.kinds.google_gcr.repository import ArtifactRegistryRepository, ArtifactRegistryRepositoryArgs
    from mendix_registry.kinds.google_gcr.service_account import PushServiceAccount, PushServiceAccountArgs
    from mendix_registry.kinds.microsoft_acr.identity import AcrIdentity, AcrIdentityArgs
    from mendix_registry.kinds.microsoft_acr.registry import AcrRegistry, AcrRegistryArgs, CustomerKeyArgs
    from mendix_registry.kinds.microsoft_acr.roles import AcrPull, AcrPullArgs, AcrPush, AcrPushArgs
    from mendix_registry.kinds.microsoft_acr.token import AcrToken, AcrTokenArgs
    from mendix_registry.service_account import ServiceAccountArgs
    from mendix_registry.stack import MendixRegistry, MendixRegistryArgs

_MODULES = {
    "EcrPushRole": "kinds.amazon_ecr.push_role",
    "EcrPushRoleArgs": "kinds.amazon_ecr.push_role",
    "ServiceAccountArgs": "service_account",
    "EcrPushUser": "kinds.amazon_ecr.push_user",
    "EcrPushUserArgs": "kinds.amazon_ecr.push_user",
    "EcrRegistry": "kinds.amazon_ecr.registry",
    "EcrRegistryArgs": "kinds.amazon_ecr.registry",
    "DirectPushAccess": "kinds.google_gcr.direct",
    "DirectPushAccessArgs": "kinds.google_gcr.direct",
    "ArtifactRegistryRepository": "kinds.google_gcr.repository",
    "ArtifactRegistryRepositoryArgs": "kinds.google_gcr.repository",
    "PushServiceAccount": "kinds.google_gcr.service_account",
    "PushServiceAccountArgs": "kinds.google_gcr.service_account",
    "AcrIdentity": "kinds.microsoft_acr.identity",
    "AcrIdentityArgs": "kinds.microsoft_acr.identity",
    "AcrRegistry": "kinds.microsoft_acr.registry",
    "AcrRegistryArgs": "kinds.microsoft_acr.registry",
    "CustomerKeyArgs": "kinds.microsoft_acr.registry",
    "AcrPull": "kinds.microsoft_acr.roles",
    "AcrPullArgs": "kinds.microsoft_acr.roles",
    "AcrPush": "kinds.microsoft_acr.roles",
    "AcrPushArgs": "kinds.microsoft_acr.roles",
    "AcrToken": "kinds.microsoft_acr.token",
    "AcrTokenArgs": "kinds.microsoft_acr.token",
    "MendixRegistry": "stack",
    "MendixRegistryArgs": "stack",
}

__all__ = [
    "AcrIdentity",
    "AcrIdentityArgs",
    "AcrPull",
    "AcrPullArgs",
    "AcrPush",
    "AcrPushArgs",
    "AcrRegistry",
    "AcrRegistryArgs",
    "AcrToken",
    "AcrTokenArgs",
    "ArtifactRegistryRepository",
    "ArtifactRegistryRepositoryArgs",
    "CustomerKeyArgs",
    "DirectPushAccess",
    "DirectPushAccessArgs",
    "EcrPushRole",
    "EcrPushRoleArgs",
    "EcrPushUser",
    "EcrPushUserArgs",
    "EcrRegistry",
    "EcrRegistryArgs",
    "MendixRegistry",
    "MendixRegistryArgs",
    "PushServiceAccount",
    "PushServiceAccountArgs",
    "ServiceAccountArgs",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
