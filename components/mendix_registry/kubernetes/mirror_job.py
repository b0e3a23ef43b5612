"""The builder Job in mode ``mirror``: Mendix's components and base images, copied into the own registry.

An image keeps its digest and an index stays one, unless the stack file picks several of its platforms. What is there already is
skipped, so the Job goes on where an earlier one ended and does nothing where all is done.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap

from mendix_registry.kubernetes.builder_login import login
from mendix_registry.kubernetes.builder_pod import (
    ANNOTATIONS,
    CLIENT_SCRIPT,
    FILES_DIRECTORY,
    Work,
    job_options,
    paths,
    push_job,
    revision,
    script_digest,
    texts,
)
from mendix_registry.kubernetes.names import MANAGED_BY, short
from mendix_registry.registry_access import RegistryAccess
from mendix_registry.settings.builder import Builder
from mendix_registry.settings.mirroring import Copy

SCRIPT, LIST = "mirror.sh", "mirror"


class MirrorJob(pulumi.ComponentResource):
    """Copies images. Its arguments are those of :class:`BuilderJob`."""

    mirrored: pulumi.Output[Sequence[str]]
    """The destinations, ``host/repository:tag``. Known only once all of them are there."""

    def __init__(
        self,
        name: str,
        namespace: pulumi.Input[str],
        access: RegistryAccess,
        builder: Builder,
        copies: Sequence[Copy],
        service_account: pulumi.Input[str],
        secret_name: pulumi.Input[str] | None,
        revisions: Sequence[pulumi.Input[str]] = (),
        before_push: Sequence[pulumi.Resource] = (),
        on_failure: pulumi.ErrorHook | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mendix-registry:kubernetes:MirrorJob", name, None, opts)
        short_name = short(name, 40)
        listed = "".join(f"{copy.source} {copy.destination} {','.join(copy.platforms) or '-'}\n" for copy in copies)
        data = {**texts(access, SCRIPT), LIST: listed}
        files = ConfigMap(
            f"{short_name}-mirror",
            metadata={"namespace": namespace, "labels": MANAGED_BY},
            data=data,
            opts=pulumi.ResourceOptions(parent=self),
        )
        work = Work(
            name="mirror",
            script=SCRIPT,
            environment={"LIST": f"{FILES_DIRECTORY}/{LIST}"},
            files=paths(data),
            files_name=files.metadata.apply(lambda metadata: metadata.name or ""),
            revision=pulumi.Output.all(access.push_host, service_account, secret_name, *revisions).apply(
                lambda values: revision(
                    access, builder, listed, *values, script_digest(CLIENT_SCRIPT), script_digest(SCRIPT)
                )
            ),
            call_seconds=builder.timeout_seconds,
        )
        job = Job(
            f"{short_name}-mirror",
            metadata={"namespace": namespace, "labels": MANAGED_BY, "annotations": ANNOTATIONS},
            spec=push_job(access, builder, login(access.credentials, secret_name), service_account, work),
            opts=job_options(self, builder, [*access.ready, *before_push], on_failure),
        )
        destinations = [copy.destination for copy in copies]
        self.mirrored = pulumi.Output.all(access.push_host, job.id).apply(
            lambda values: [f"{values[0]}/{destination}" for destination in destinations]
        )
        self.register_outputs({"mirrored": self.mirrored})
