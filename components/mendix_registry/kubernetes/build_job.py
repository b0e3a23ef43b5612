"""The builder Job in mode ``build``: an app's files as one layer on a base image, pushed as the namespace's builder.

App and base image are pinned by digest, and the tag ends in a digest of everything that goes into the image. So the reference is
known beforehand, a tag that is there needs no work (immutable tags never refuse a second run), and a new app is a new Job.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap, Secret

from mendix_registry.kubernetes.builder_login import login
from mendix_registry.kubernetes.builder_pod import (
    ANNOTATIONS,
    CLIENT_SCRIPT,
    Work,
    job_options,
    paths,
    push_job,
    revision,
    script,
    script_digest,
    texts,
)
from mendix_registry.kubernetes.names import MANAGED_BY, short
from mendix_registry.registry_access import RegistryAccess
from mendix_registry.settings.builder import Build, Builder

SCRIPT = "build.sh"
_APP_DIRECTORY, _URL_DIRECTORY, _URL_KEY = "/app", "/app-url", "url"


class BuildJob(pulumi.ComponentResource):
    """Builds and pushes one app. Its arguments are those of :class:`BuilderJob`."""

    reference: pulumi.Output[str]
    """What was pushed, ``host/repository:tag``. Known only once it is there."""

    def __init__(
        self,
        name: str,
        namespace: pulumi.Input[str],
        access: RegistryAccess,
        builder: Builder,
        build: Build,
        service_account: pulumi.Input[str],
        secret_name: pulumi.Input[str] | None,
        revisions: Sequence[pulumi.Input[str]] = (),
        before_push: Sequence[pulumi.Resource] = (),
        on_failure: pulumi.ErrorHook | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mendix-registry:kubernetes:BuildJob", name, None, opts)
        short_name = short(name, 40)
        tag = image_tag(build, builder.architecture)
        files = ConfigMap(
            f"{short_name}-build",
            metadata={"namespace": namespace, "labels": MANAGED_BY},
            data=texts(access, SCRIPT),
            opts=pulumi.ResourceOptions(parent=self),
        )
        url = None
        if build.mda.url:
            url = Secret(
                f"{short_name}-app-url",
                metadata={"name": f"{short_name}-app-url", "namespace": namespace, "labels": MANAGED_BY},
                data={_URL_KEY: pulumi.Output.secret(base64.b64encode(build.mda.url.encode()).decode())},
                opts=pulumi.ResourceOptions(parent=self),
            )
        volumes, mounts, environment = _app(build, url)
        work = Work(
            name="build",
            script=SCRIPT,
            environment={
                "BASE_IMAGE": build.base_image,
                "PLATFORM": f"linux/{builder.architecture}",
                "MDA_SHA256": build.mda.sha256,
                "DIRECTORY": build.directory,
                "UNPACK": str(build.unpack).lower(),
                "TAG": tag,
                "LABELS": "\n".join(f"{key}={value}" for key, value in sorted(build.labels.items())),
                **environment,
            },
            files=paths(texts(access, SCRIPT)),
            files_name=files.metadata.apply(lambda metadata: metadata.name or ""),
            revision=pulumi.Output.all(
                access.push_host, access.repository, service_account, secret_name, *revisions
            ).apply(
                lambda values: revision(
                    access, builder, tag, *values, script_digest(CLIENT_SCRIPT), script_digest(SCRIPT)
                )
            ),
            work_size=build.work_size,
            call_seconds=builder.timeout_seconds,
            volumes=volumes,
            mounts=mounts,
        )
        job = Job(
            f"{short_name}-build",
            metadata={"namespace": namespace, "labels": MANAGED_BY, "annotations": ANNOTATIONS},
            spec=push_job(access, builder, login(access.credentials, secret_name), service_account, work),
            opts=job_options(self, builder, [*access.ready, *before_push], on_failure),
        )
        self.reference = pulumi.Output.all(access.push_host, access.repository, job.id).apply(
            lambda values: f"{values[0]}/{values[1]}:{tag}"
        )
        self.register_outputs({"reference": self.reference})


def image_tag(build: Build, architecture: str) -> str:
    """The tag: the same for the same content, another for any other."""
    inputs = (
        build.base_image,
        architecture,
        build.mda.sha256,
        build.directory,
        build.unpack,
        sorted(build.labels.items()),
        # How files become a layer is also part of the content.
        script(SCRIPT),
    )
    digest = hashlib.sha256("\n".join(map(str, inputs)).encode()).hexdigest()
    return f"{build.tag}-{digest[:12]}"


def _app(build: Build, url: Secret | None) -> tuple[list[Any], list[Any], dict[str, str]]:
    """Volumes, mounts and variables with which the script finds the app."""
    mda = build.mda
    if url is not None:
        secret = {"secret_name": url.metadata.apply(lambda metadata: metadata.name), "default_mode": 0o440}
        mount = {"name": "app-url", "mount_path": _URL_DIRECTORY, "read_only": True}
        return [{"name": "app-url", "secret": secret}], [mount], {"MDA_URL_FILE": f"{_URL_DIRECTORY}/{_URL_KEY}"}
    mount = {"name": "app", "mount_path": _APP_DIRECTORY, "read_only": True}
    if mda.config_map:
        items = [{"key": mda.path, "path": "app.mda"}]
        volume: dict[str, Any] = {"name": "app", "config_map": {"name": mda.config_map, "items": items}}
        return [volume], [mount], {"MDA_FILE": f"{_APP_DIRECTORY}/app.mda"}
    claim = {"claim_name": mda.persistent_volume_claim, "read_only": True}
    return (
        [{"name": "app", "persistent_volume_claim": claim}],
        [mount],
        {"MDA_FILE": f"{_APP_DIRECTORY}/{mda.path}"},
    )
