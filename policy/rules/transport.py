"""How registries and clusters are reached."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from .pods import containers, pod_spec
from .rule import Finding, Resource, Rule, is_listed, mapping, plain_type, sequence, strings

_SKIPS = ("insecure-skip-tls-verify: true", '"insecure-skip-tls-verify":true', '"insecure-skip-tls-verify": true')


def _check(resource: Resource) -> Iterator[Finding]:
    kind = plain_type(resource.type)
    spec = pod_spec(resource)
    if spec is not None:
        yield from _client(resource, spec)
    elif kind in ("kubernetes:core/v1:Secret", "kubernetes:core/v1:SecretPatch"):
        for host in _plain_hosts(resource):
            if not is_listed(host.removeprefix("http://"), resource.listed("hosts")):
                yield Finding(
                    f"the Secret {resource.name} holds a password for {host}.", "name the registry with https."
                )
    elif kind == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
        if str(resource.inputs.get("url", "https://")).startswith("http://"):
            yield Finding(f"{resource.name} reads a cluster's keys over plain http.", "give the issuer with https://.")
    elif kind == "pulumi:providers:kubernetes":
        kubeconfig = str(resource.inputs.get("kubeconfig", ""))
        if any(skip in kubeconfig for skip in _SKIPS):
            yield Finding(
                f"the provider {resource.name} does not verify the cluster's certificate.",
                "remove insecure-skip-tls-verify from the kubeconfig and give certificate-authority-data.",
            )
    elif kind.startswith("pulumi:providers:") and str(resource.inputs.get("insecure", "")).lower() == "true":
        yield Finding(f"the provider {resource.name} does not verify certificates.", "remove its setting insecure.")


def _client(resource: Resource, spec: Any) -> Iterator[Finding]:
    for container in containers(spec):
        # Only these two are read: a preview may not know the others.
        wanted = {item.get("name"): item for item in map(mapping, sequence(container.get("env")))}
        insecure, host = (mapping(wanted.get(name)).get("value", "") for name in ("INSECURE", "PUSH_HOST"))
        if insecure == "true" and not is_listed(str(host), resource.listed("hosts")):
            yield Finding(
                f"{resource.name} pushes to {host or 'a registry'} over plain http or without verifying its certificate.",
                "serve the registry with TLS and give its CA in transport.caCertificate; or list the host in hosts.",
            )


def _plain_hosts(resource: Resource) -> Iterator[str]:
    text = mapping(resource.inputs.get("stringData")).get(".dockerconfigjson")
    encoded = mapping(resource.inputs.get("data")).get(".dockerconfigjson")
    try:
        content: Any = json.loads(text if text is not None else base64.b64decode(str(encoded or "e30=")))
    except ValueError:
        return
    for host in mapping(mapping(content).get("auths")):
        if host.startswith("http://"):
            yield host


NO_PLAIN_HTTP = Rule(
    name="no-plain-http",
    title="No plain http",
    description=(
        "Registries and clusters are reached by TLS that is verified: over plain http everybody on the way reads the password "
        "and exchanges the image."
    ),
    remedy="Use TLS with the registry's own certificate authority.",
    check=_check,
    severity="critical",
    settings={"hosts": strings("push hosts (with port) that may be used without verified TLS, such as a sandbox's")},
)
