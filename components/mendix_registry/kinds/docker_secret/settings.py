"""The kind ``docker-secret``: the credentials are in a Secret that exists already."""

from __future__ import annotations

from typing import ClassVar, Literal

from mendix_registry.settings.named_registry import NamedRegistry
from mendix_registry.settings.references import ObjectName


class DockerSecretRegistry(NamedRegistry):
    """A registry whose credentials are in a Secret that exists already."""

    credentials_in_secret: ClassVar[bool] = True
    authentication_keys: ClassVar[tuple[str, ...]] = ("secretName",)

    type: Literal["docker-secret"]

    secret_name: ObjectName | None = None
    """Name of the existing ``kubernetes.io/dockerconfigjson`` Secret in each namespace; a namespace may name its own."""

    link_to_default_service_account: bool = False
    """Whether that Secret is added to the ``imagePullSecrets`` of ServiceAccount ``default``. Mendix leaves this to you."""

    @property
    def links_pull_secret(self) -> bool:
        return self.link_to_default_service_account
