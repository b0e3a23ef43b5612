"""The connection to the emulated AWS: boto3 clients, tags, and errors in the words of the real provider."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, cast

from rehearsal.emulators.aws.client import BotoCoreError, ClientError, error_of, operator_client, partition_of
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError

ENDPOINT, AUTHORITY = "REHEARSAL_AWS_ENDPOINT", "REHEARSAL_CLOUD_CA_FILE"
_NAMES = {"ecr": "ECR", "iam": "IAM", "eks": "EKS", "sts": "STS"}


class Aws:
    """One configured provider. Its clients are made when first used, and are safe to use from several threads."""

    def __init__(self, settings: Properties, environment: Mapping[str, str]) -> None:
        region = settings.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            raise CloudError(
                "unable to validate AWS provider configuration: no region. Set aws:region (pulumi config set aws:region …), "
                "AWS_REGION, or give the provider resource one."
            )
        self.region: str = region
        self.partition = partition_of(self.region)
        self._endpoint = environment.get(ENDPOINT, "")
        self._authority = environment.get(AUTHORITY) or None
        self._settings = settings
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the emulator. Raises CloudError where none runs."""
        if not self._endpoint:
            raise CloudError(
                f"no emulated AWS is running for this provider ({ENDPOINT} is not set), and a rehearsal never calls the real "
                "one. Run `rehearse up`, which starts the emulator."
            )
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = operator_client(service, key[1], self._endpoint, self._authority)
            return self._clients[key]

    def call(self, service: str, operation: str, region: str | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Call an operation (``CreateRole``) with its members; those that are None are left out.

        Raises :class:`AwsError`, or CloudError where the emulator cannot be reached.
        """
        client = self.client(service, region)
        method = getattr(client, _snake(client, operation))
        try:
            return cast("dict[str, Any]", method(**{key: item for key, item in arguments.items() if item is not None}))
        except ClientError as error:
            raise AwsError(service, operation, error) from error
        except BotoCoreError as error:
            raise CloudError(f"operation error {_NAMES.get(service, service)}: {operation}: {error}") from error

    def tags(self, inputs: Properties) -> dict[str, str]:
        """The resource's tags together with the provider's default tags, which they override."""
        defaults: dict[str, Any] = self._settings.get("defaultTags") or {}
        return {**(defaults.get("tags") or {}), **(inputs.get("tags") or {})}


class AwsError(CloudError):
    """The API answered with an error. ``code`` is AWS's name of it."""

    def __init__(self, service: str, operation: str, error: ClientError) -> None:
        self.code, message, status = error_of(error)
        super().__init__(
            f"operation error {_NAMES.get(service, service)}: {operation}, https response error StatusCode: {status}, "
            f"{self.code}: {message}"
        )


def connect(settings: Properties) -> Aws:
    """The connection for a provider's configuration. Contacts nothing. Raises CloudError."""
    return Aws(settings, os.environ)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]] | None:
    """Tags as most APIs take them; None where there are none."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())] or None


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def _snake(client: Any, operation: str) -> str:
    names: dict[str, str] = client.meta.method_to_api_mapping
    return next(name for name, api in names.items() if api == operation)
