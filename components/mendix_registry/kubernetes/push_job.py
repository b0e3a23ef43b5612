"""The base of the builder Job's modes: a component with the mode's files and the Job that runs its script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap

from mendix_registry.kubernetes.builder_login import login
from mendix_registry.kubernetes.builder_pod import CLIENT_SCRIPT, Work, push_spec, script, texts
from mendix_registry.kubernetes.names import MANAGED_BY, short
from mendix_registry.kubernetes.object_identity import keep_identity
from mendix_registry.namespace_access import NamespaceAccess
from mendix_registry.settings.builder import Builder

_ANNOTATIONS = {"pulumi.com/replaceUnready": "true"}
"""Of every Job: a failed one never becomes a good one, so the next update has to replace it, not to wait for it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushJobArgs:
    """Who pushes, from which namespace, to which registry."""

    namespace: pulumi.Input[str]
    """The namespace's name."""

    access: NamespaceAccess
    """How it pushes and pulls."""

    builder: Builder
    """What the Job does, and its limits."""

    service_account: pulumi.Input[str]
    """The ServiceAccount that the Job runs as."""

    secret_name: pulumi.Input[str] | None = None
    """The Secret with the credentials; None without one."""

    revisions: Sequence[pulumi.Input[str]] = ()
    """Values that change with the credentials, so that new ones are proved again. None of them may be a secret."""

    before_push: Sequence[pulumi.Resource] = ()
    """Resources of the namespace without which nothing may be pushed."""

    on_failure: pulumi.ErrorHook | None = None
    """The hook that reports the cluster's events about a Job that failed."""


class PushJob(pulumi.ComponentResource):
    """What the modes share. A mode's class calls :meth:`_push` once, in its constructor; ``work`` are its own inputs, which show
    what it does."""

    def __init__(
        self, script: str, name: str, args: PushJobArgs, opts: pulumi.ResourceOptions | None, work: Mapping[str, Any]
    ) -> None:
        keep = pulumi.ResourceOptions(transformations=[keep_identity])
        token = f"mendix-registry:kubernetes:{type(self).__name__}"
        # Names as the program gives them, not of the objects that are made: these are known in every preview.
        inputs = {
            "namespace": args.access.namespace,
            "serviceAccount": args.access.identity.name,
            "secretName": getattr(args.access.credentials, "name", None),
            "image": args.builder.image,
            "timeoutSeconds": args.builder.timeout_seconds,
            **work,
        }
        super().__init__(token, name, inputs, pulumi.ResourceOptions.merge(opts, keep))
        self._args = args
        self._script = script
        self._short_name = short(name, 40)

    def _push(self, work: Work) -> Job:
        """The Job that does ``work``, and the ConfigMap with its files."""
        args = self._args
        files = {**texts(args.access, self._script), **work.files}
        items: Any = [{"key": name, "path": name} for name in files]
        binary = None
        if work.image is not None:
            binary = work.image.apply(
                lambda made: {_key(path): base64.b64encode(content).decode() for path, content in made.items()}
            )
            items = work.image.apply(
                lambda made, texts=items: [*texts, *({"key": _key(path), "path": f"image/{path}"} for path in made)]
            )
        config_map = ConfigMap(
            f"{self._short_name}-{work.files_name or work.name}",
            metadata={"namespace": args.namespace, "labels": MANAGED_BY},
            data=files,
            binary_data=binary,
            opts=pulumi.ResourceOptions(parent=self),
        )
        source = {"name": config_map.metadata.apply(lambda metadata: metadata.name or ""), "items": items}
        credentials = login(args.access.credentials, args.secret_name)
        spec = push_spec(args.access, args.builder, credentials, args.service_account, self._script, source, work)
        return self._job(work.name, spec, [*args.access.ready, *args.before_push])

    def _job(self, what: str, spec: Any, before: Sequence[pulumi.Resource]) -> Job:
        """A Job that starts after ``before``. Pulumi's timeouts are a minute more than the Job has, so that the Job's own failure
        is what is reported."""
        timeout = f"{self._args.builder.timeout_seconds + 60}s"
        hook = self._args.on_failure
        return Job(
            f"{self._short_name}-{what}",
            metadata={"namespace": self._args.namespace, "labels": MANAGED_BY, "annotations": _ANNOTATIONS},
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*before],
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
                hooks=pulumi.ResourceHookBinding(on_error=[hook]) if hook else None,
            ),
        )

    def _revision(self, *values: pulumi.Input[str]) -> pulumi.Output[str]:
        """A digest of everything whose change must have the work done again: ``values``, none of them a secret, and what all
        modes have."""
        args = self._args
        transport, builder = args.access.transport, args.builder
        scripts = (_script_digest(CLIENT_SCRIPT), _script_digest(self._script))
        plain = (*scripts, transport.scheme, transport.ca_certificate, builder.image, builder.rerun)
        return pulumi.Output.all(*values, args.service_account, args.secret_name, *args.revisions).apply(
            lambda known: hashlib.sha256("\n".join(map(str, (*known, *plain))).encode()).hexdigest()
        )


@cache
def _script_digest(name: str) -> str:
    # What stands for a script's text in a revision: every namespace has one, and the text is long.
    return hashlib.sha256(script(name).encode()).hexdigest()


def _key(path: str) -> str:
    # A ConfigMap's key has no slash; the volume puts each key back to its path.
    return path.replace("/", "_")
