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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from mendix_registry.kubernetes.builder_pod import FILES_DIRECTORY, RESTRICTED, Work, job_limits, nodes, pod
from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.kubernetes.proof_image import proof_image
from mendix_registry.kubernetes.push_job import PushJob, PushJobArgs
from mendix_registry.kubernetes.service_account_link import DEFAULT_SERVICE_ACCOUNT
from mendix_registry.namespace_access import NamespaceAccess
from mendix_registry.settings.builder import Builder

SCRIPT = "verify.sh"
_LABEL = "io.github.mendix-registry."


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderJobArgs(PushJobArgs):
    """What a pull needs besides."""

    before_pull: Sequence[pulumi.Resource] = ()
    """Resources without which nodes could not pull (the link to ``default``)."""


class BuilderJob(PushJob):
    """Pushes as the namespace's builder and pulls as its nodes do."""

    reference: pulumi.Output[str]
    """What was pushed: ``host/repository:tag@sha256:…``. Known only once the push is proved."""

    digest: pulumi.Output[str]
    """Its digest. Known only once the push is proved."""

    pulled: pulumi.Output[str | None]
    """What a node has pulled, ``host/repository@sha256:…``; None where that is not asked for. Known only once it is
    proved."""

    def __init__(self, name: str, args: BuilderJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        access, builder = args.access, args.builder
        work = {"repository": access.repository, "proveNodePull": builder.prove_node_pull}
        super().__init__(SCRIPT, name, args, opts, work)
        # Everything whose change must prove the push again, and nothing else.
        image = self._revision(access.push_host, access.pull_host, access.repository).apply(
            lambda revision: proof_image(
                builder.architecture,
                {f"{_LABEL}namespace": access.namespace, f"{_LABEL}revision": revision},
            )
        )
        digest = image.apply(lambda made: made.digest)
        tag = image.apply(lambda made: made.tag(builder.tag))
        push = self._push(
            Work(
                name="push",
                environment={"TAG": tag, "DIGEST": digest, "IMAGE": f"{FILES_DIRECTORY}/image"},
                revision=digest,
                image=image.apply(lambda made: made.files),
                files_name="proof",
            )
        )
        self.digest = pulumi.Output.all(digest, push.id).apply(lambda values: values[0])
        self.reference = pulumi.Output.concat(access.push_host, "/", access.repository, ":", tag, "@", self.digest)
        self.pulled = pulumi.Output.from_input(None)
        if builder.prove_node_pull:
            pulled = pulumi.Output.concat(access.pull_host, "/", access.repository, "@", digest)
            pull = self._job("pull", _pull_job(access, builder, pulled), [push, *args.before_pull])
            self.pulled = pulumi.Output.all(pulled, pull.id).apply(lambda values: values[0])
        self.register_outputs({"reference": self.reference, "digest": self.digest, "pulled": self.pulled})


def _pull_job(access: NamespaceAccess, builder: Builder, image: pulumi.Input[str]) -> Any:
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
