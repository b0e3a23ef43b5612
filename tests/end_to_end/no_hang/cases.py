"""What goes wrong, what `pulumi up` has to say about it, and what it has to advise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

REAL, ALIAS = "registry.no-hang.test:5000", "alias.no-hang.test:5000"
"""A registry that is open to everyone, and another name that leads to it."""
SECURED, PLAIN = "login.no-hang.test:5000", "plain.no-hang.test:5000"
"""One that wants a login, and one that speaks plain http."""

UNKNOWN_HOST = "nowhere.no-hang.test"
USER = "builder"
POLICY = "no builds on a Friday"
"""What the cluster's admission policy says to every pod in the namespace of that case."""
Credentials = Literal["none", "password", "wrong", "other host", "token", "identity", "file"]
MDA = b"no archive"


@dataclass(frozen=True, slots=True)
class Case:
    """One namespace whose Job fails.

    ``host`` and ``repository`` are where it pushes; ``trusted`` whether it is given the registry's authority; ``credentials`` how
    it logs in. ``words`` are the registry's, the cloud's or the cluster's, ``hint`` what to do: both must be in the output.
    ``deadline``: whether the Job ends because its time is over.
    """

    words: str
    hint: str
    host: str = REAL
    repository: str = "ok/app"
    trusted: bool = True
    insecure: bool = False
    credentials: Credentials = "none"
    pull_host: str | None = None
    builder: Mapping[str, Any] = field(default_factory=dict[str, Any])
    trouble: str = ""
    deadline: bool = False


def answered(repository: str, words: str, hint: str, **changes: Any) -> Case:
    """A registry that gives the answer that ``repository`` stands for."""
    return Case(words, hint, host="{answering}", repository=repository, insecure=True, **changes)


def mirror(source: str, words: str, hint: str, **changes: Any) -> Case:
    return Case(words, hint, builder={"mode": "mirror", "mirror": [{"source": source}], "attempts": 2}, **changes)


def build(words: str, hint: str, base: str = "{base}", *, unpack: bool = False, **mda: str) -> Case:
    app = {"sha256": "{sha256}", **(mda if "url" in mda else {"config_map": "app", **mda})}
    chosen: dict[str, Any] = {"mode": "build", "attempts": 2}
    chosen["build"] = {"base_image": base, "directory": "/app", "mda": app, "unpack": unpack}
    return Case(words, hint, builder=chosen)


def stuck(trouble: str, words: str, hint: str, **changes: Any) -> Case:
    """What the cluster does not let run; the time is the shortest that there is."""
    builder = {"timeout_seconds": 30, **changes.pop("builder", {})}
    return Case(words, hint, trouble=trouble, deadline=True, builder=builder, **changes)


def login(credentials: Credentials, hint: str, words: str = "401 Unauthorized", **changes: Any) -> Case:
    """A registry that wants a login."""
    return Case(words, hint, host=SECURED, credentials=credentials, **changes)


TWICE = {"attempts": 2}
NO_SHELL = {"image": "mendix-registry.rehearsal/pause:1"}
NO_IMAGE = {"image": "registry.invalid/krane:1"}
NO_NODE = {"node_selector": {"disk": "ssd"}}

CASES: dict[str, Case] = {
    # The registry rejects it
    "wrong password": login("wrong", "check registry.authentication"),
    "no login": login("none", "registry.authentication is none"),
    "no entry in the pull secret": login("other host", "add an entry for exactly this host", "no credentials for"),
    "token rejected": login("token", "system:image-builder", builder=TWICE),
    "no cloud identity": login("identity", "check the ServiceAccount's annotations", builder=TWICE),
    "cloud key rejected": login("file", "check the key", builder=TWICE),
    "push denied": answered("denied/app", "DENIED: requested access to the resource is denied", "give the user permission"),
    "identity denied": answered("denied/app", "DENIED", "check its role", credentials="identity", builder=TWICE),
    "no such repository": answered("absent/app", "NAME_UNKNOWN", "create it first, or correct registry.repository"),
    "immutable tag with another image": answered("immutable/app", "cannot be overwritten", "choose another tag"),
    "image rejected": answered("rejected/app", "MANIFEST_INVALID", "check registry.repository against its rules"),
    "registry out of order": answered("broken/app", "UNKNOWN: unknown error", "read the registry's answer above", builder=TWICE),
    "no pull permission": answered("unreadable/app", "downloadArtifacts denied", "needs pull permission", builder=TWICE),
    "changed on the way": answered("changed/app", "does not match requested digest", "something between this pod"),
    "another image under the tag": answered("moved/app", "points to sha256:", "another stack uses the same"),
    # Nobody answers, or another
    "unknown authority": Case("signed by unknown authority", "registry.transport.caCertificate", trusted=False),
    "another name in the certificate": Case("x509: certificate is valid for", "compare its names", host=ALIAS),
    "plain http": Case("HTTP", "the registry serves plain http", host=PLAIN),
    "name does not resolve": Case("no such host", "correct registry.pushHost", host="registry.invalid", builder=TWICE),
    "nothing listens": Case("connection refused", "check its port", host="{closed}", builder=TWICE),
    "no answer": answered("silent/app", "no answer within", "check network policies", builder={"attempts": 1}),
    "time is over": Case(
        "connection refused", "raise builder.timeoutSeconds", host="{closed}", deadline=True,
        builder={"attempts": 50, "timeout_seconds": 30},
    ),
    # Mode build
    "no base image": build("MANIFEST_UNKNOWN", "builder.build.baseImage", base=f"{REAL}/none/base@sha256:{'1' * 64}"),
    "another app": build("has the digest", "correct builder.build.mda.sha256", sha256="0" * 64),
    "no archive": build("unzip: ", "builder.build.unpack: false", unpack=True),
    "no download": build("404", "correct builder.build.mda.url", url="http://{answering}/files/404"),
    "download denied": build("403", "the token in builder.build.mda.url is expired", url="http://{answering}/files/403"),
    "download does not resolve": build("bad address", "check builder.build.mda.url", url="http://files.invalid/app.mda"),
    # Mode mirror
    "source wants a login": mirror(f"{SECURED}/mendix/app:1", "UNAUTHORIZED", "a source that everyone may read"),
    "no source image": mirror(f"{REAL}/none/runtime:1", "MANIFEST_UNKNOWN", "correct the source in builder.mirror"),
    "source does not resolve": mirror("vendor.invalid/app:1", "no such host", "correct the source in builder.mirror"),
    # The pull
    "nodes cannot pull": stuck("", UNKNOWN_HOST, "the nodes reach its registry", pull_host=UNKNOWN_HOST),
    # The cluster
    "no client image": stuck("", "registry.invalid/krane:1", "check the image's name", builder=NO_IMAGE),
    "no node fits": stuck("", "0/1 nodes are available", "builder.nodeSelector", builder=NO_NODE),
    "quota": stuck("quota", "exceeded quota", "raise the namespace's ResourceQuota"),
    "limit range": stuck("limit range", "maximum memory usage per Container", "set builder.resources"),
    "admission policy": stuck("policy", POLICY, "an admission policy of this cluster rejects the pod"),
    "no ServiceAccount": stuck("service account", 'serviceaccount "absent" not found', "create this ServiceAccount"),
    "no Secret": stuck("secret", 'secret "absent" not found', "create this Secret"),
    "no ConfigMap": stuck("config map", 'configmap "absent" not found', "create this ConfigMap", trusted=False),
    "another client image": Case("no such file or directory", "the image has no /busybox/sh", builder=NO_SHELL),
}  # fmt: skip


def namespace(name: str) -> str:
    """The namespace of a case."""
    return "no-hang-" + "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
