"""The Secret with a file of credentials that the builder's client reads for itself (AWS's shared credentials file)."""

from __future__ import annotations

import base64

import pulumi
from pulumi_kubernetes.core.v1 import Secret

from components.kubernetes.names import MANAGED_BY
from components.registry_access import NewCredentialFile


class CredentialFile(pulumi.ComponentResource):
    """An Opaque Secret with one file in one namespace. Nodes do not pull with it."""

    secret_name: pulumi.Output[str]
    """The Secret's name."""

    revision: pulumi.Output[str]
    """Changes whenever the Secret's content does: its uid and resource version."""

    def __init__(
        self,
        name: str,
        namespace: pulumi.Input[str],
        source: NewCredentialFile,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mendix-registry:kubernetes:CredentialFile", name, None, opts)
        content = pulumi.Output.secret(source.content)
        secret = Secret(
            name,
            metadata={"name": source.name, "namespace": namespace, "labels": MANAGED_BY},
            type="Opaque",
            data={source.file: content.apply(lambda text: base64.b64encode(text.encode()).decode())},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.secret_name = secret.metadata.apply(lambda metadata: metadata.name or source.name)
        self.revision = secret.metadata.apply(lambda metadata: f"{metadata.uid}/{metadata.resource_version}")
        self.register_outputs({"secretName": self.secret_name, "revision": self.revision})
