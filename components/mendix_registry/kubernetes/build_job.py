"""The builder Job in mode ``build``: an app's files as one layer on a base image, pushed as the namespace's builder.

App and base image are pinned by digest, and the tag ends in a digest of everything that goes into the image. So the reference is
known beforehand, a tag that is there needs no work (immutable tags never refuse a second run), and a new app is a new Job.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from mendix_registry.component_inputs import settings_inputs
from mendix_registry.kubernetes.builder_pod import Work, script
from mendix_registry.kubernetes.names import MANAGED_BY
from mendix_registry.kubernetes.push_job import PushJob, PushJobArgs
from mendix_registry.settings.builder import Build

SCRIPT = "build.sh"
_APP_DIRECTORY, _URL_DIRECTORY, _URL_KEY = "/app", "/app-url", "url"


class BuildJob(PushJob):
    """Builds and pushes the app that ``builder.build`` describes.

    Raises:
        ValueError: ``builder.build`` is missing.
    """

    reference: pulumi.Output[str]
    """What was pushed, ``host/repository:tag``. Known only once it is there."""

    def __init__(self, name: str, args: PushJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        access, builder, build = args.access, args.builder, args.builder.build
        if build is None:
            raise ValueError(f"{name}: builder.build, which describes the app, is missing")
        work = {"repository": access.repository, "build": settings_inputs(build)}
        super().__init__(SCRIPT, name, args, opts, work)
        tag = image_tag(build, builder.architecture)
        url = None
        if build.mda.url:
            url = Secret(
                f"{self._short_name}-app-url",
                metadata={
                    "name": f"{self._short_name}-app-url",
                    "namespace": args.namespace,
                    "labels": MANAGED_BY,
                },
                data={_URL_KEY: pulumi.Output.secret(base64.b64encode(build.mda.url.encode()).decode())},
                opts=pulumi.ResourceOptions(parent=self),
            )
        volumes, mounts, environment = _app(build, url)
        job = self._push(
            Work(
                name="build",
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
                revision=self._revision(tag, access.push_host, access.repository),
                work_size=build.work_size,
                call_seconds=builder.timeout_seconds,
                volumes=volumes,
                mounts=mounts,
            )
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
