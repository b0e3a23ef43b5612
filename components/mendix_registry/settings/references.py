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

from mendix_registry.settings.problems import Rule, raises
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
        return "has one character; Mendix's push client accepts at least two"
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


STK061 = Rule(
    "STK061",
    "a host has no user or password in it",
    "the host is written in plain text to the cluster and to the stack's outputs",
    "give only host or host:port here and the credentials under 'authentication'",
)
STK062 = Rule(
    "STK062",
    "{value!r} begins with a scheme",
    "an image reference has none: whether https is used is decided by 'transport'",
    "write {host!r}",
)
STK063 = Rule(
    "STK063",
    "{value!r} has a path",
    "the path is the repository",
    "write {host!r} here and put {path!r} in 'repository'",
)
STK064 = Rule(
    "STK064",
    "{value!r} has upper-case letters",
    "image references are compared as text",
    "write {corrected!r}",
)
STK065 = Rule("STK065", "the port of {value!r} is not between 1 and 65535", "", "correct the port")
STK066 = Rule("STK066", "{value!r} is not an IPv6 address in brackets", "", "write it as [2001:db8::1]:5000")
STK067 = Rule(
    "STK067",
    "{value!r} is not a host name",
    "clients cannot parse it",
    "write host or host:port, e.g. registry.example.com:5000",
)
STK068 = Rule(
    "STK068",
    "{value!r} has neither a dot nor a port",
    "clients then take it for the first part of a Docker Hub repository, not for a host",
    "write the full name, or add the port: {value}:443",
)


@raises(STK061, STK062, STK063, STK064, STK065, STK066, STK067, STK068)
def _host(value: str) -> str:
    if "@" in value:
        # Never repeat it: what stands before the @ is a password more often than not.
        raise STK061.error()
    if "://" in value:
        raise STK062.error(value=value, host=value.split("://", 1)[1].split("/", 1)[0])
    if "/" in value:
        host, path = value.split("/", 1)
        raise STK063.error(value=value, host=host, path=path)
    if value != value.lower():
        raise STK064.error(value=value, corrected=value.lower())
    name, port = split_host(value)
    if port is not None and not 0 < port < 65536:
        raise STK065.error(value=value)
    if value.startswith("["):
        try:
            ipaddress.IPv6Address(name)
        except ValueError:
            raise STK066.error(value=value) from None
        return value
    if not DNS_SUBDOMAIN.fullmatch(name) or (":" in value and port is None):
        raise STK067.error(value=value)
    if "." not in name and port is None and name != "localhost":
        raise STK068.error(value=value)
    return value


STK069 = Rule("STK069", "{value!r} begins with a scheme", "an image reference has none", "leave the scheme out")
STK070 = Rule(
    "STK070",
    "{value!r} has no registry host",
    "clients would pull it from Docker Hub by default",
    "write the whole reference, such as index.docker.io/library/alpine:3.22",
)
STK071 = Rule("STK071", "the repository {repository!r} {fault}", "no registry has it", "correct the reference")
STK072 = Rule(
    "STK072",
    "{value!r} has neither a tag nor a digest",
    "clients would take the tag 'latest', which moves",
    "add a tag, or better a digest: 'crane digest <image>' prints it",
)
STK073 = Rule("STK073", "the tag {tag!r} {fault}", "no registry has it", "correct the reference")
STK074 = Rule(
    "STK074",
    "{digest!r} is no digest",
    "clients reject it",
    "write sha256: and 64 hexadecimal digits after the @",
)


@raises(STK069, STK070, STK071, STK072, STK073, STK074, STK061, STK062, STK063, STK064, STK065, STK066, STK067, STK068)
def _image(value: str) -> str:
    parts = split_reference(value)
    if "://" in value:
        raise STK069.error(value=value)
    if "/" not in value or not ("." in parts.host or ":" in parts.host or parts.host == "localhost"):
        raise STK070.error(value=value)
    _host(parts.host)
    fault = repository_fault(parts.repository)
    if fault:
        raise STK071.error(repository=parts.repository, fault=fault)
    if not parts.tag and not parts.digest:
        raise STK072.error(value=value)
    if parts.tag and (fault := tag_fault(parts.tag)):
        raise STK073.error(tag=parts.tag, fault=fault)
    if parts.digest and not _DIGEST.fullmatch(parts.digest):
        raise STK074.error(digest=parts.digest)
    return value


STK075 = Rule(
    "STK075",
    "{value!r} is not pinned by digest",
    "what is built from it would change without this stack knowing",
    "write it as <image>@sha256:<digest> ('crane digest <image>' prints it)",
)


@raises(
    STK075,
    STK069,
    STK070,
    STK071,
    STK072,
    STK073,
    STK074,
    STK061,
    STK062,
    STK063,
    STK064,
    STK065,
    STK066,
    STK067,
    STK068,
)
def _pinned_image(value: str) -> str:
    _image(value)
    if not split_reference(value).digest:
        raise STK075.error(value=value)
    return value


STK076 = Rule(
    "STK076",
    "{value!r} has a placeholder that is not {{namespace}}",
    "only the namespace's name can be put into a repository",
    "use {{namespace}}, or put Mendix's variables in operatorConfiguration.imageNameTemplate",
)
STK077 = Rule(
    "STK077",
    "the repository {value!r} {fault}",
    "registries and clients reject such a name (Mendix Operator 2.14 checks it too)",
    "write lower-case path parts joined by '/', such as mendixapps/orders",
)


@raises(STK076, STK077)
def _repository(value: str) -> str:
    # The shortest namespace that is no fault by itself.
    sample = value.replace(NAMESPACE_PLACEHOLDER, "nn")
    if "{" in sample or "}" in sample:
        raise STK076.error(value=value)
    fault = repository_fault(sample)
    if fault:
        raise STK077.error(value=value, fault=fault)
    return value


STK078 = Rule(
    "STK078",
    "{value!r} is not a namespace name",
    "Kubernetes accepts 1 to 63 lower-case letters, digits and dashes, not beginning or ending with a dash",
    "correct the name",
)


@raises(STK078)
def _label(value: str) -> str:
    if not DNS_LABEL.fullmatch(value):
        raise STK078.error(value=value)
    return value


STK079 = Rule(
    "STK079",
    "{value!r} is not the name of a Kubernetes object",
    "Kubernetes accepts 1 to 253 lower-case letters, digits, dashes and dots",
    "correct the name",
)


@raises(STK079)
def _subdomain(value: str) -> str:
    if not DNS_SUBDOMAIN.fullmatch(value):
        raise STK079.error(value=value)
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
