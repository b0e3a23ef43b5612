"""Access that Kubernetes itself gives (OpenShift's registry) or holds (a Secret with a registry's password)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from access_documents.kubernetes import OPENSHIFT_HOST, ROLES
from report.access.facts import ITSELF, NOT_KNOWN, Facts, Permission, Trust
from report.access.world import Resource, World
from report.changes import urn_type
from report.values import at, listing, mapping, text


def facts(world: World) -> Facts:
    """What the Kubernetes resources of one side mean."""
    trusts: list[Trust] = []
    permissions: list[Permission] = []
    for trust, permission in (*_bindings(world), *_secrets(world)):
        trusts.append(trust)
        permissions.append(permission)
    return Facts(tuple(trusts), tuple(permissions))


def _bindings(world: World) -> Iterator[tuple[Trust, Permission]]:
    for binding in world.of("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"):
        verbs = ROLES.get(binding.text("roleRef", "name"))
        if verbs is None:
            continue
        for subject in listing(binding.value("subjects")):
            kind, name = text(at(subject, "kind")), text(at(subject, "name"))
            namespace = text(at(subject, "namespace")) or binding.namespace
            if kind == "Group":
                namespace, name = name.removeprefix("system:serviceaccounts:"), "*"
            key = f"{world.stack} {kind} {namespace}/{name}"
            yield (
                Trust(key, ITSELF, "", namespace, name, "its own token"),
                Permission(key, ITSELF, OPENSHIFT_HOST, f"{binding.namespace}/*", verbs),
            )


def push_settings(job: Resource) -> Mapping[str, str]:
    """The environment of a builder Job's container, if the Job is one."""
    container = at(job.inputs, "spec", "template", "spec", "containers", 0)
    variables = {text(at(entry, "name")): text(at(entry, "value")) for entry in listing(at(container, "env"))}
    return variables if "PUSH_HOST" in variables and "REPOSITORY" in variables else {}


def job_account(job: Resource) -> str:
    """The ServiceAccount that a Job's pods run as."""
    return text(at(job.inputs, "spec", "template", "spec", "serviceAccountName")) or NOT_KNOWN


def _secrets(world: World) -> Iterator[tuple[Trust, Permission]]:
    for job in world.of("kubernetes:batch/v1:Job"):
        variables = push_settings(job)
        if not variables or variables.get("CREDENTIALS") not in ("secret", "anonymous"):
            continue
        name = _secret_name(job.inputs)
        if name and _from_cloud(world, job.namespace, name):
            continue  # the cloud's own module knows whose credential it is
        anonymous = variables["CREDENTIALS"] == "anonymous"
        shown = "no one in particular" if anonymous else f"Secret {name or NOT_KNOWN}"
        how = "without authentication" if anonymous else "user and password in a Secret"
        key = f"{world.stack} {job.namespace} {shown}"
        yield (
            Trust(key, shown, "", job.namespace, job_account(job), how),
            Permission(
                key,
                shown,
                variables["PUSH_HOST"] or NOT_KNOWN,
                variables["REPOSITORY"] or NOT_KNOWN,
                ("pull", "push"),
            ),
        )


def _secret_name(inputs: Mapping[str, Any]) -> str:
    for volume in listing(at(inputs, "spec", "template", "spec", "volumes")):
        if mapping(volume).get("name") == "credentials":
            return text(at(volume, "secret", "secretName"))
    return ""


def _from_cloud(world: World, namespace: str, name: str) -> bool:
    for secret in world.of("kubernetes:core/v1:Secret"):
        if secret.namespace == namespace and secret.object_name == name:
            urns = [urn for prop in ("data", "stringData") for urn in secret.needs.get(prop, ())]
            return any(urn_type(urn).startswith(("aws:", "azure-native:", "gcp:")) for urn in urns)
    return False
