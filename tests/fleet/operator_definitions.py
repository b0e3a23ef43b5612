"""The CustomResourceDefinition of Stack, by this project's own reading of the operator.

The operator publishes its own definitions with each release; they are 1.4 MB and in no package registry. Where
``$PULUMI_OPERATOR_CRDS`` names a directory that holds them (``deploy/crds`` of the operator's repository), the tests take those.
Otherwise they take this one. It was compared field by field with pulumi/pulumi-kubernetes-operator: the Go types at commit
``1c909cb`` (after 2.7.0: ``operator/api/pulumi/shared/stack_types.go``, ``…/v1/stack_types.go``) and ``772b91e`` (Workspace), and
the definition that is generated from them at ``03a57ff`` (after 2.3.0: ``operator/config/crd/bases/pulumi.com_stacks.yaml``).

Complete: versions, scope, names and every field of ``v1`` Stack's ``spec`` with type, format, enumeration and required keys. The
only defaults are empty names in ``valueFrom`` and ``envFrom``, which are left out. Also left out: descriptions, printer columns,
what is below ``podTemplate.spec`` (a pod's specification; of it only that it must have ``containers``), and the status. The
definition at ``03a57ff`` also has ``driftDetection``; the later types have not, nor do any release notes name it, so it is refused
here. Later versions may have more: at ``00ea849`` a Workspace has ``serviceTemplate`` and ``skipInstall``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
TEXTS = {"type": "array", "items": TEXT}
INTEGER = {"type": "integer", "format": "int64"}
SHORT = {"type": "integer", "format": "int32"}
TIME = {"type": "string", "format": "date-time"}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
JSON = {"x-kubernetes-preserve-unknown-fields": True}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | ({"required": required.split()} if required else {})


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


REFERENCE = _object(
    "type",
    type=TEXT,
    filesystem=_object("path", path=TEXT),
    env=_object("name", name=TEXT),
    secret=_object("name key", namespace=TEXT, name=TEXT, key=TEXT),
    literal=_object("value", value=TEXT),
)
"""The definition takes any ``type``; the operator knows Secret and Literal, and since 2.1 refuses Env and FS."""

METADATA = _object(
    name=TEXT,
    generateName=TEXT,
    namespace=TEXT,
    uid=TEXT,
    resourceVersion=TEXT,
    generation=INTEGER,
    creationTimestamp=TIME,
    deletionTimestamp=TIME,
    deletionGracePeriodSeconds=INTEGER,
    labels=_map(TEXT),
    annotations=_map(TEXT),
    ownerReferences=_list(
        _object(apiVersion=TEXT, kind=TEXT, name=TEXT, uid=TEXT, controller=FLAG, blockOwnerDeletion=FLAG)
    ),
    finalizers=TEXTS,
)

SELECTOR = _object("key", key=TEXT, name=TEXT, optional=FLAG)

QUANTITY = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
    "x-kubernetes-int-or-string": True,
}

VARIABLE = _object(
    "name",
    name=TEXT,
    value=TEXT,
    valueFrom=_object(
        configMapKeyRef=SELECTOR,
        secretKeyRef=SELECTOR,
        fieldRef=_object("fieldPath", apiVersion=TEXT, fieldPath=TEXT),
        resourceFieldRef=_object("resource", containerName=TEXT, resource=TEXT, divisor=QUANTITY),
    ),
)

WORKSPACE = _object(
    apiVersion=TEXT,
    kind=TEXT,
    metadata=METADATA,
    status=ANYTHING,
    spec=_object(
        serviceAccountName=TEXT,
        securityProfile=TEXT,
        image=TEXT,
        imagePullPolicy=TEXT,
        git=_object(
            url=TEXT,
            ref=TEXT,
            dir=TEXT,
            shallow=FLAG,
            auth=_object(
                sshPrivateKey=SELECTOR,
                username=SELECTOR,
                password=SELECTOR,
                token=SELECTOR,
                githubApp=_object(appID=SELECTOR, installationID=SELECTOR, privateKey=SELECTOR),
            ),
        ),
        flux=_object(url=TEXT, digest=TEXT, dir=TEXT),
        local=_object(dir=TEXT),
        projectInfo=_object(name=TEXT, runtime=TEXT),
        env=_list(VARIABLE),
        envFrom=_list(
            _object(
                prefix=TEXT,
                configMapRef=_object(name=TEXT, optional=FLAG),
                secretRef=_object(name=TEXT, optional=FLAG),
            )
        ),
        resources=_object(
            limits=_map(QUANTITY), requests=_map(QUANTITY), claims=_list(_object("name", name=TEXT, request=TEXT))
        ),
        podTemplate=_object(
            metadata=_object(labels=_map(TEXT), annotations=_map(TEXT)),
            spec=ANYTHING | {"required": ["containers"], "properties": {"containers": _list(ANYTHING)}},
        ),
        pulumiLogLevel=SHORT,
        stacks=_list(
            _object(
                name=TEXT,
                create=FLAG,
                secretsProvider=TEXT,
                environment=TEXTS,
                config=_list(
                    _object(
                        key=TEXT,
                        path=FLAG,
                        secret=FLAG,
                        value=JSON,
                        valueFrom=_object(env=TEXT, path=TEXT, json=FLAG),
                    )
                ),
            )
        ),
    ),
)
"""A template is merged into the Workspace that the operator makes: only within Kubernetes' own types is anything required."""

UPDATE = _object(
    apiVersion=TEXT,
    kind=TEXT,
    metadata=METADATA,
    status=ANYTHING,
    spec=_object(
        workspaceName=TEXT,
        stackName=TEXT,
        type=TEXT,
        ttlAfterCompleted=TEXT,
        parallel=SHORT,
        message=TEXT,
        expectNoChanges=FLAG,
        replace=TEXTS,
        target=TEXTS,
        targetDependents=FLAG,
        refresh=FLAG,
        continueOnError=FLAG,
        remove=FLAG,
        runProgram=FLAG,
    ),
)

STACK = _object(
    "stack",
    accessTokenSecret=TEXT,
    envs=TEXTS,
    envRefs=_map(REFERENCE),
    envSecrets=TEXTS,
    backend=TEXT,
    stack=TEXT,
    config=JSON,
    configRef=_map(_object("name key", name=TEXT, key=TEXT, json=FLAG)),
    secrets=_map(TEXT),
    secretsRef=_map(REFERENCE),
    secretsProvider=TEXT,
    environment=TEXTS | {"x-kubernetes-list-type": "atomic"},
    projectRepo=TEXT,
    gitAuthSecret=TEXT,
    gitAuth=_object(
        accessToken=REFERENCE,
        sshAuth=_object("sshPrivateKey", sshPrivateKey=REFERENCE, password=REFERENCE),
        basicAuth=_object("userName password", userName=REFERENCE, password=REFERENCE),
        githubApp=_object(
            "appID installationID privateKey", appID=REFERENCE, installationID=REFERENCE, privateKey=REFERENCE
        ),
    ),
    repoDir=TEXT,
    commit=TEXT,
    branch=TEXT,
    shallow=FLAG,
    fluxSource=_object(
        "sourceRef", sourceRef=_object("apiVersion kind name", apiVersion=TEXT, kind=TEXT, name=TEXT), dir=TEXT
    ),
    programRef=_object("name", name=TEXT),
    targets=TEXTS,
    targetDependents=FLAG,
    prerequisites=_list(_object("name", name=TEXT, requirement=_object(succeededWithinDuration=TEXT))),
    continueResyncOnCommitMatch=FLAG,
    refresh=FLAG,
    expectNoRefreshChanges=FLAG,
    destroyOnFinalize=FLAG,
    runProgram=FLAG,
    retryOnUpdateConflict=FLAG,
    retryMaxBackoffDurationSeconds=INTEGER,
    useLocalStackOnly=FLAG,
    preview=FLAG,
    resyncFrequencySeconds=INTEGER,
    serviceAccountName=TEXT,
    workspaceTemplate=WORKSPACE,
    workspaceReclaimPolicy={"type": "string", "enum": ["Retain", "Delete"]},
    updateTemplate=UPDATE,
)

SINCE = {
    "environment": "2.1",
    "updateTemplate": "2.1",
    "retryMaxBackoffDurationSeconds": "2.2",
    "preview": "2.3",
    "configRef": "2.3",
    "runProgram": "2.7",
}
"""Fields of a Stack's ``spec`` that 2.0.0 does not have, by the release that brought them (the operator's CHANGELOG.md)."""


def stack_definition() -> dict[str, Any]:
    """The operator's own definition where it is given, else the one above."""
    given = os.environ.get("PULUMI_OPERATOR_CRDS")
    if given:
        return yaml.load((Path(given) / "pulumi.com_stacks.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    schema = _object(apiVersion=TEXT, kind=TEXT, metadata={"type": "object"}, spec=STACK, status=ANYTHING)
    # Only v1 has the rule: Kubernetes makes a pod's label of the name, and takes 63 characters in all.
    named = schema | {
        "x-kubernetes-validations": [
            {"rule": "size(self.metadata.name) <= 42", "message": "the name has more than 42 characters"}
        ]
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "stacks.pulumi.com"},
        "spec": {
            "group": "pulumi.com",
            "names": {
                "kind": "Stack",
                "listKind": "StackList",
                "plural": "stacks",
                "singular": "stack",
                "categories": ["pulumi"],
            },
            "scope": "Namespaced",
            "versions": [_version("v1", named, storage=True), _version("v1alpha1", schema, storage=False)],
        },
    }


def _version(name: str, schema: dict[str, Any], *, storage: bool) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
