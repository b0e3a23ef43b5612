"""The grammar of image references: hosts, repositories and tags, and the Kubernetes names beside them.

Sources: the OCI distribution specification 1.1 (repository and tag), ``go-containerregistry`` ``pkg/name`` (the client that
Mendix's build and this project's builder Job use), RFC 1123 as Kubernetes applies it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from mendix_registry.settings.problems import refusal
from mendix_registry.settings.values import Text, known

REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
NAME_LENGTH = 255
"""Most characters of host and repository together (OCI distribution specification, "name"; many clients' limit)."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")

NAMESPACE_PLACEHOLDER = "{namespace}"

_ECR_HOST = re.compile(
    r"\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
    r"(?::\d+)?"
)
"""Every host of Amazon ECR in every partition (amazon-ecr-credential-helper ``ecr-login/api/client.go``)."""


def split_host(host: str) -> tuple[str, int | None]:
    """The name or address of ``host`` without brackets, and its port where it has one."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?", host)
    if match is None:
        return host, None
    port = match.group(2)
    return match.group(1).strip("[]"), int(port) if port else None


def is_ecr(host: str) -> bool:
    """Whether ``host`` belongs to Amazon ECR, private or public."""
    return _ECR_HOST.fullmatch(host) is not None or host == "public.ecr.aws"


def is_loopback(host: str) -> bool:
    """Whether ``host`` means the machine (or pod) that asks."""
    name, _ = split_host(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Reference:
    """The parts of an image reference; ``tag`` and ``digest`` are empty where it has none."""

    host: str
    repository: str
    tag: str
    digest: str


def split_reference(text: str) -> Reference:
    """The parts of ``host/repository[:tag][@digest]``. Checks nothing."""
    name, _, digest = text.partition("@")
    host, _, rest = name.partition("/")
    head, slash, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    return Reference(host, head + slash + last, tag, digest)


def repository_fault(repository: str) -> str | None:
    """What is wrong with ``repository`` by the OCI grammar and go-containerregistry's ``checkRepository``, or None."""
    if len(repository) == 1:
        return "has one character; Mendix's push client takes at least two"
    if REPOSITORY.fullmatch(repository):
        return None
    if repository != repository.lower():
        return "has upper-case letters; a repository is lower case"
    if repository.startswith("/") or repository.endswith("/") or "//" in repository:
        return "has an empty path part"
    if ":" in repository or "@" in repository:
        return "has a tag, a digest or a port in it; only the repository belongs here"
    if not repository:
        return "is empty"
    return (
        "breaks the OCI grammar: path parts of lower-case letters and digits, joined by '.', '_', '__' or dashes, "
        "and beginning and ending with a letter or digit"
    )


def tag_fault(tag: str) -> str | None:
    """What is wrong with ``tag`` by the OCI grammar, or None."""
    if TAG.fullmatch(tag):
        return None
    if len(tag) > 128:
        return f"has {len(tag)} characters; a tag has at most 128"
    if not tag:
        return "is empty"
    if re.match(r"[.-]", tag):
        return f"begins with {tag[0]!r}; a tag begins with a letter, a digit or '_'"
    wrong = "".join(sorted(set(re.sub(r"[A-Za-z0-9._-]", "", tag))))
    return f"has {wrong!r} in it; a tag has only letters, digits, '.', '_' and '-'"


def _host(value: str) -> str:
    if "@" in value:
        # Never repeat it: what stands before the @ is a password more often than not.
        raise refusal(
            "STK061",
            "a host has no user or password in it",
            "the host is written in plain text to the cluster and to the stack's outputs",
            "give only host or host:port here and the credentials under 'authentication'",
        )
    if "://" in value:
        raise refusal(
            "STK062",
            f"{value!r} begins with a scheme",
            "an image reference has none: whether https is used is decided by 'transport'",
            f"write {value.split('://', 1)[1].split('/', 1)[0]!r}",
        )
    if "/" in value:
        host, path = value.split("/", 1)
        raise refusal(
            "STK063",
            f"{value!r} has a path",
            "the path is the repository",
            f"write {host!r} here and put {path!r} in 'repository'",
        )
    if value != value.lower():
        raise refusal(
            "STK064",
            f"{value!r} has upper-case letters",
            "image references are compared as text",
            f"write {value.lower()!r}",
        )
    name, port = split_host(value)
    if port is not None and not 0 < port < 65536:
        raise refusal("STK065", f"the port of {value!r} is not between 1 and 65535", "", "correct the port")
    if value.startswith("["):
        try:
            ipaddress.IPv6Address(name)
        except ValueError:
            raise refusal(
                "STK066", f"{value!r} is not an IPv6 address in brackets", "", "write it as [2001:db8::1]:5000"
            ) from None
        return value
    if not DNS_SUBDOMAIN.fullmatch(name) or (":" in value and port is None):
        raise refusal(
            "STK067",
            f"{value!r} is not a host name",
            "clients refuse to parse it",
            "write host or host:port, e.g. registry.example.com:5000",
        )
    if "." not in name and port is None and name != "localhost":
        raise refusal(
            "STK068",
            f"{value!r} has neither a dot nor a port",
            "clients then take it for the first part of a Docker Hub repository, not for a host",
            f"write the full name, or add the port: {value}:443",
        )
    return value


def _image(value: str) -> str:
    parts = split_reference(value)
    if "://" in value:
        raise refusal(
            "STK069", f"{value!r} begins with a scheme", "an image reference has none", "leave the scheme out"
        )
    if "/" not in value or not ("." in parts.host or ":" in parts.host or parts.host == "localhost"):
        raise refusal(
            "STK070",
            f"{value!r} has no registry host",
            "clients would pull it from Docker Hub by default",
            "write the whole reference, such as index.docker.io/library/alpine:3.22",
        )
    _host(parts.host)
    fault = repository_fault(parts.repository)
    if fault:
        raise refusal(
            "STK071", f"the repository {parts.repository!r} {fault}", "no registry has it", "correct the reference"
        )
    if not parts.tag and not parts.digest:
        raise refusal(
            "STK072",
            f"{value!r} has neither a tag nor a digest",
            "clients would take the tag 'latest', which moves",
            "add a tag, or better a digest: 'crane digest <image>' prints it",
        )
    if parts.tag and (fault := tag_fault(parts.tag)):
        raise refusal("STK073", f"the tag {parts.tag!r} {fault}", "no registry has it", "correct the reference")
    if parts.digest and not _DIGEST.fullmatch(parts.digest):
        raise refusal(
            "STK074",
            f"{parts.digest!r} is no digest",
            "clients refuse it",
            "write sha256: and 64 hexadecimal digits after the @",
        )
    return value


def _pinned_image(value: str) -> str:
    _image(value)
    if not split_reference(value).digest:
        raise refusal(
            "STK075",
            f"{value!r} is not pinned by digest",
            "what is built from it would change without this stack knowing",
            "write it as <image>@sha256:<digest> ('crane digest <image>' prints it)",
        )
    return value


def _repository(value: str) -> str:
    # The shortest namespace that is no fault by itself.
    sample = value.replace(NAMESPACE_PLACEHOLDER, "nn")
    if "{" in sample or "}" in sample:
        raise refusal(
            "STK076",
            f"{value!r} has a placeholder that is not {NAMESPACE_PLACEHOLDER}",
            "only the namespace's name can be put into a repository",
            f"use {NAMESPACE_PLACEHOLDER}, or put Mendix's variables in operatorConfiguration.imageNameTemplate",
        )
    fault = repository_fault(sample)
    if fault:
        raise refusal(
            "STK077",
            f"the repository {value!r} {fault}",
            "registries and clients refuse such a name (Mendix Operator 2.14 checks it too)",
            "write lower-case path parts joined by '/', such as mendixapps/orders",
        )
    return value


def _label(value: str) -> str:
    if not DNS_LABEL.fullmatch(value):
        raise refusal(
            "STK078",
            f"{value!r} is not a namespace name",
            "Kubernetes takes 1 to 63 lower-case letters, digits and dashes, not beginning or ending with a dash",
            "correct the name",
        )
    return value


def _subdomain(value: str) -> str:
    if not DNS_SUBDOMAIN.fullmatch(value):
        raise refusal(
            "STK079",
            f"{value!r} is not the name of a Kubernetes object",
            "Kubernetes takes 1 to 253 lower-case letters, digits, dashes and dots",
            "correct the name",
        )
    return value


Host: TypeAlias = Annotated[Text, known(_host)]
"""``host`` or ``host:port`` of a registry."""

ImageReference: TypeAlias = Annotated[Text, known(_image)]
"""A whole image reference: host, repository, and a tag or a digest."""

PinnedImageReference: TypeAlias = Annotated[Text, known(_pinned_image)]
"""A whole image reference by digest."""

RepositoryPattern: TypeAlias = Annotated[str, AfterValidator(_repository), Field(min_length=1)]
"""A repository path; ``{namespace}`` in it stands for the name of the namespace."""

NamespaceName: TypeAlias = Annotated[str, AfterValidator(_label)]
ObjectName: TypeAlias = Annotated[str, AfterValidator(_subdomain)]
