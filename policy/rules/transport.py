"""How registries and clusters are reached."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import yaml

from access_documents.azure import plain_type
from access_documents.credentials import SECRETS

from .pods import containers, pod_spec
from .rule import Finding, Resource, Rule, is_listed, mapping, sequence, strings

# What Kubernetes' own reader takes for true.
_TRUE = ("true", "yes", "on", "y")


def _check(resource: Resource) -> Iterator[Finding]:
    kind = plain_type(resource.type)
    spec = pod_spec(resource)
    if spec is not None:
        yield from _client(resource, spec)
    elif kind in SECRETS:
        for host in _plain_hosts(resource):
            if not is_listed(host.removeprefix("http://"), resource.listed("hosts")):
                yield Finding(
                    f"the Secret {resource.name} holds a password for {host}.", "name the registry with https."
                )
    elif kind == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
        if str(resource.inputs.get("url", "https://")).startswith("http://"):
            yield Finding(f"{resource.name} reads a cluster's keys over plain http.", "give the issuer with https://.")
    elif kind == "pulumi:providers:kubernetes":
        yield from _kubeconfig(resource, str(resource.inputs.get("kubeconfig", "")))
    elif kind.startswith("pulumi:providers:") and str(resource.inputs.get("insecure", "")).lower() == "true":
        yield Finding(f"the provider {resource.name} does not verify certificates.", "remove its setting insecure.")


def _kubeconfig(resource: Resource, text: str) -> Iterator[Finding]:
    """Read as what it is: no search of the text finds every way in which YAML can express the same."""
    try:
        content = _parsed(text)
    except yaml.YAMLError:
        # Not the error: it quotes the text, which is a secret.
        yield Finding(
            f"the kubeconfig of the provider {resource.name} cannot be read, so it is unknown how the cluster is reached.",
            "give a kubeconfig in YAML or JSON.",
        )
        return
    # Text that is no mapping is a path, and what is there is not known here.
    for item in sequence(mapping(content).get("clusters")):
        cluster = mapping(mapping(item).get("cluster"))
        if str(cluster.get("insecure-skip-tls-verify", "")).lower() in _TRUE:
            yield Finding(
                f"the provider {resource.name} does not verify the cluster's certificate.",
                "remove insecure-skip-tls-verify from the kubeconfig and give certificate-authority-data.",
            )
        server = str(cluster.get("server", "")).strip()
        # Kubernetes' client takes an address without a scheme for http.
        if server and not server.lower().startswith("https://"):
            yield Finding(
                f"the provider {resource.name} reaches the cluster over plain http.",
                "give the cluster's server with https:// in the kubeconfig.",
            )


def _parsed(text: str) -> Any:
    # JSON is YAML but for this parser, which accepts no tabs and no colon on its own line.
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


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
        "Registries and clusters are reached by TLS that is verified: over plain http everyone on the network path "
        "can read the password and replace the image."
    ),
    remedy="Use TLS with the registry's own certificate authority.",
    check=_check,
    severity="critical",
    settings={"hosts": strings("push hosts (with port) that may be used without verified TLS, such as a sandbox's")},
)
