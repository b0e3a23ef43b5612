"""The kind ``generic``: user and password, or none."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Tag

from mendix_registry.settings.named_registry import NamedRegistry
from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import Secret, Text, control_character, known


class Preset(StrEnum):
    """Registries whose own rules are checked beside the general ones."""

    DOCKER_HUB = "docker-hub"
    QUAY = "quay"
    JFROG = "jfrog"
    NEXUS = "nexus"
    HARBOR = "harbor"
    GITLAB = "gitlab"
    STACKIT = "stackit"


PUBLIC_HOSTS = {Preset.DOCKER_HUB: "index.docker.io", Preset.QUAY: "quay.io"}
"""The presets that have one host for the whole world."""


GNR001 = Rule("GNR001", "the user is empty", "registries reject it", "give the user; for no authentication write none")
GNR002 = Rule(
    "GNR002",
    "the user has {fault} in it",
    "basic authentication sends user and password as one text with a colon between (RFC 7617, section 2)",
    "give only the user here, without the password",
)


@raises(GNR001, GNR002)
def _user(value: str) -> str:
    if not value:
        raise GNR001.error()
    fault = "a colon" if ":" in value else control_character(value)
    if fault:
        raise GNR002.error(fault=fault)
    return value


class BasicAuthentication(Section):
    """A user and a password or access token."""

    username: Annotated[Text, known(_user)]
    """The user: a robot or service account wherever the registry has one."""

    password: Secret
    """Its password or token: ``{environment: NAME}``, ``{file: path}`` or encrypted (``pulumi config set --secret --path``)."""


def _authentication_form(value: Any) -> str:
    return "<none>" if value is None or isinstance(value, str) else "<basic>"


Authentication: TypeAlias = Annotated[
    Annotated[Literal["none"], Tag("<none>")] | Annotated[BasicAuthentication, Tag("<basic>")],
    Discriminator(_authentication_form),
]


class GenericRegistry(NamedRegistry):
    """Any registry with a user and password, or with none."""

    authentication_keys: ClassVar[tuple[str, ...]] = ("authentication",)
    program_inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"password": ("authentication", "password")}

    type: Literal["generic"]

    preset: Preset | None = None
    """The product or service, so that its own rules are checked too."""

    authentication: Authentication
    """``{username, password}``, or the word ``none`` for a registry that lets everyone push."""

    link_to_default_service_account: bool | None = None
    """Whether the pull secret is added to the ``imagePullSecrets`` of ServiceAccount ``default``, so that nodes pull app images
    with it. Default: true with authentication, else false."""

    @property
    def links_pull_secret(self) -> bool:
        return self.authentication != "none" and self.link_to_default_service_account is not False

    @property
    def hosts(self) -> tuple[str, str]:
        push = self.push_host or (PUBLIC_HOSTS.get(self.preset, "") if self.preset else "")
        return push, self.pull_host or push
