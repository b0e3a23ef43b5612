"""The builder Job in mode ``verify``: proves, inside the update, that this namespace can push and that its nodes can
pull.

Two Jobs. *Push* runs ``scripts/verify.sh`` with krane as the namespace's builder: it pushes the proof image (see
``proof_image``), reads it back by digest and compares. *Pull* is a pod of that very image under ServiceAccount
``default``, as Mendix starts apps: if it ends well, a node has pulled from the pull host. Either failing fails the
update, with the registry's own words and a hint.

A Job's template is immutable and its name follows from it (``object_identity``): any change is a new Job beside the old
one, which then goes. Whatever should make the proof run again is part of the image's label, hence of its digest, hence
of the template: hosts, repository, the objects that carry the credentials, ``builder.rerun``. There is no
``ttlSecondsAfterFinished``: a Job that vanishes is drift.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap

from mendix_registry.kubernetes.builder_login import login
from mendix_registry.kubernetes.builder_pod import (
    ANNOTATIONS,
    CLIENT_SCRIPT,
    FILES_DIRECTORY,
    RESTRICTED,
    Work,
    job_limits,
    job_options,
    nodes,
    paths,
    pod,
    push_job,
    revision,
    script_digest,
    texts,
)
from mendix_registry.kubernetes.names import MANAGED_BY, short
from mendix_registry.kubernetes.proof_image import ProofImage, proof_image
from mendix_registry.kubernetes.service_account_link import DEFAULT_SERVICE_ACCOUNT
from mendix_registry.registry_access import RegistryAccess
from mendix_registry.settings.builder import Builder

SCRIPT = "verify.sh"
_LABEL = "io.github.mendix-registry."


class BuilderJob(pulumi.ComponentResource):
    """Pushes as the namespace's builder and pulls as its nodes do.

    ``secret_name`` is the name of the Secret with the credentials, or None without one; ``revisions`` are values that change
    with the credentials, so that new ones are proved again; ``before_push`` are resources of the namespace without which
    nothing may be pushed; ``before_pull`` ones without which nodes could not pull (the link to ``default``); ``on_failure`` is
    the hook that reports the cluster's events about a Job that failed.
    """

    reference: pulumi.Output[str]
    """What was pushed: ``host/repository:tag@sha256:…``. Known only once the push is proved."""

    digest: pulumi.Output[str]
    """Its digest. Known only once the push is proved."""

    pulled: pulumi.Output[str | None]
    """What a node has pulled, ``host/repository@sha256:…``; None where that is not asked for. Known only once it is
    proved."""

    def __init__(
        self,
        name: str,
        namespace: pulumi.Input[str],
        access: RegistryAccess,
        builder: Builder,
        service_account: pulumi.Input[str],
        secret_name: pulumi.Input[str] | None,
        revisions: Sequence[pulumi.Input[str]] = (),
        before_push: Sequence[pulumi.Resource] = (),
        before_pull: Sequence[pulumi.Resource] = (),
        on_failure: pulumi.ErrorHook | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mendix-registry:kubernetes:BuilderJob", name, None, opts)
        image = pulumi.Output.all(
            access.push_host, access.pull_host, access.repository, service_account, secret_name, *revisions
        ).apply(lambda values: _image(access, builder, values))
        short_name = short(name, 40)
        files = ConfigMap(
            f"{short_name}-proof",
            metadata={"namespace": namespace, "labels": MANAGED_BY},
            data=texts(access, SCRIPT),
            binary_data=image.apply(
                lambda made: {_key(path): base64.b64encode(content).decode() for path, content in made.files.items()}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        push = Job(
            f"{short_name}-push",
            metadata={"namespace": namespace, "labels": MANAGED_BY, "annotations": ANNOTATIONS},
            spec=push_job(
                access,
                builder,
                login(access.credentials, secret_name),
                service_account,
                _work(access, builder, image, files),
            ),
            opts=job_options(self, builder, [*access.ready, *before_push], on_failure),
        )
        tag = image.apply(lambda made: made.tag(builder.tag))
        self.digest = pulumi.Output.all(image.apply(lambda made: made.digest), push.id).apply(lambda values: values[0])
        self.reference = pulumi.Output.concat(access.push_host, "/", access.repository, ":", tag, "@", self.digest)
        self.pulled = pulumi.Output.from_input(None)
        if builder.prove_node_pull:
            pulled = pulumi.Output.concat(
                access.pull_host, "/", access.repository, "@", image.apply(lambda made: made.digest)
            )
            pull = Job(
                f"{short_name}-pull",
                metadata={"namespace": namespace, "labels": MANAGED_BY, "annotations": ANNOTATIONS},
                spec=_pull_job(access, builder, pulled),
                opts=job_options(self, builder, [push, *before_pull], on_failure),
            )
            self.pulled = pulumi.Output.all(pulled, pull.id).apply(lambda values: values[0])
        self.register_outputs({"reference": self.reference, "digest": self.digest, "pulled": self.pulled})


def _image(access: RegistryAccess, builder: Builder, values: Sequence[Any]) -> ProofImage:
    # Everything whose change must prove the push again, and nothing else; names and hosts are no secrets, contents are
    # not here.
    scripts = (script_digest(CLIENT_SCRIPT), script_digest(SCRIPT))
    return proof_image(
        builder.architecture,
        {
            f"{_LABEL}namespace": access.namespace,
            f"{_LABEL}revision": revision(access, builder, *values, *scripts),
        },
    )


def _key(path: str) -> str:
    # A ConfigMap's key has no slash; the volume puts each key back to its path.
    return path.replace("/", "_")


def _work(access: RegistryAccess, builder: Builder, image: pulumi.Output[ProofImage], files: ConfigMap) -> Work:
    names = paths(texts(access, SCRIPT))
    return Work(
        name="push",
        script=SCRIPT,
        environment={
            "TAG": image.apply(lambda made: made.tag(builder.tag)),
            "DIGEST": image.apply(lambda made: made.digest),
            "IMAGE": f"{FILES_DIRECTORY}/image",
        },
        files=image.apply(
            lambda made: [*names, *({"key": _key(path), "path": f"image/{path}"} for path in made.files)]
        ),
        files_name=files.metadata.apply(lambda metadata: metadata.name or ""),
        revision=image.apply(lambda made: made.digest),
    )


def _pull_job(access: RegistryAccess, builder: Builder, image: pulumi.Input[str]) -> Any:
    return {
        **job_limits(builder),
        "template": {
            "metadata": {"labels": MANAGED_BY},
            "spec": {
                **pod(access, builder, automount_token=False),
                "service_account_name": DEFAULT_SERVICE_ACCOUNT,
                "node_selector": {"kubernetes.io/arch": builder.architecture, **nodes(builder)},
                "containers": [_pull_container(image)],
            },
        },
    }


def _pull_container(image: pulumi.Input[str]) -> dict[str, Any]:
    tiny = {"cpu": "50m", "memory": "16Mi"}
    return {
        "name": "pull",
        "image": image,
        "image_pull_policy": "Always",
        "resources": {"requests": tiny, "limits": tiny},
        "security_context": RESTRICTED,
        "termination_message_policy": "FallbackToLogsOnError",
    }
