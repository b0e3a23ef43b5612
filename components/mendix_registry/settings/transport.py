"""How the registry is reached: https, plain http, a custom certificate authority.

An image reference does not show whether https is used; each client guesses. The rule of ``go-containerregistry``
(Mendix's build and krane use it) changed twice (:mod:`mendix_registry.settings.plain_http`). So this project decides for
itself, reports what it decided and why, and passes the decision on explicitly.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from mendix_registry.settings.plain_http import NEWEST, parse_version, plain_http_rule
from mendix_registry.settings.problems import Rule, raises
from mendix_registry.settings.section import Section
from mendix_registry.settings.values import Text, known

_PEM_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


STK081 = Rule(
    "STK081",
    "there is a private key in it",
    "this text goes to a ConfigMap that everyone with access to the namespace can read",
    "give the certificate of the authority only",
)
STK082 = Rule(
    "STK082",
    "there is no PEM certificate in it",
    "clients read certificates in PEM form ('-----BEGIN CERTIFICATE-----')",
    "give the PEM text, for instance by {{file: registry-ca.pem}}",
)
STK083 = Rule(
    "STK083",
    "certificate {number} of {count} cannot be read: {error}",
    "",
    "export it from the authority again",
)


@raises(STK081, STK082, STK083)
def _certificates(value: str) -> str:
    if _PRIVATE_KEY.search(value):
        raise STK081.error()
    blocks: list[str] = _PEM_CERTIFICATE.findall(value)
    if not blocks:
        raise STK082.error()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for number, block in enumerate(blocks, start=1):
        try:
            context.load_verify_locations(cadata=block)
        except (ssl.SSLError, ValueError) as error:
            raise STK083.error(number=number, count=len(blocks), error=error) from error
    return "\n".join(blocks) + "\n"


STK084 = Rule(
    "STK084",
    "{value!r} is not a version of go-containerregistry",
    "which hosts may be plain http depends on it",
    "write it as 0.21.5, or remove the key to have the newest rule",
)


@raises(STK084)
def _version(value: str) -> str:
    if parse_version(value) is None:
        raise STK084.error(value=value)
    return value.removeprefix("v")


class Transport(Section):
    """How clients reach the registry."""

    insecure: Literal[True, False, "auto"] = "auto"
    """``true``: plain http or an unverified certificate; ``false``: https only; ``auto``: https. Only with ``generic``
    and ``docker-secret``, ``auto`` allows plain http for a host that the push client itself would reach so (addresses of private
    networks, loopback). What was decided, and why, is a stack output."""

    client_version: Annotated[str, AfterValidator(_version)] | None = None
    """Version of go-containerregistry in Mendix's Operator, by whose rule ``auto`` decides with ``generic`` and
    ``docker-secret``; ``0.21.5`` and older also take ``.local`` names for plain http. Default: the newest."""

    ca_certificate: Annotated[Text, known(_certificates)] | None = None
    """PEM certificates of the authority that signed the registry's certificate, where the system's own do not have
    it."""


@dataclass(frozen=True, slots=True)
class TransportDecision:
    """What was decided for one host: whether plain http is allowed, why, and the authority's PEM text or None."""

    insecure: bool
    reason: str
    ca_certificate: str | None = None

    @property
    def scheme(self) -> str:
        """``https`` or ``http``."""
        return "http" if self.insecure else "https"


def decide(host: str, transport: Transport, *, only_https: bool = False) -> TransportDecision:
    """Decides for the push host. ``auto`` follows go-containerregistry (:mod:`mendix_registry.settings.plain_http`) in the
    version that the stack file names, else in its newest one; an authority's certificate settles it for https, and so does
    ``only_https``, for a kind of registry that always speaks it."""
    certificate = transport.ca_certificate
    if transport.insecure is True:
        return TransportDecision(True, "the stack file sets insecure: true", certificate)
    if transport.insecure is False:
        return TransportDecision(False, "the stack file sets insecure: false", certificate)
    if certificate:
        return TransportDecision(False, "auto: a certificate authority is given, which only https uses", certificate)
    if only_https:
        return TransportDecision(False, "auto: a registry of this kind always speaks https")
    version = parse_version(transport.client_version) if transport.client_version else None
    client = f"go-containerregistry {transport.client_version}" if version else "go-containerregistry 0.21.7 and newer"
    rule = plain_http_rule(host, version or NEWEST)
    if rule:
        return TransportDecision(True, f"auto: {host} is {rule}, for which {client} allows plain http")
    reason = f"auto: {client} insists on https for {host}"
    older = plain_http_rule(host, (0, 0, 0))
    if older:
        reason += f"; versions before {'0.21.6' if older.endswith('.local') else '0.21.7'} allow plain http for {older}"
    return TransportDecision(False, reason)
