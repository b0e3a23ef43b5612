"""The connection to the emulated Azure: Azure Resource Manager's REST API, and errors in the words of the real provider."""

from __future__ import annotations

import itertools
import os
import random
import ssl
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import httpx

from rehearsal.emulators.azure.operator import OPERATOR_TOKEN
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError

# What azcore's retry policy repeats, and the conflict that pulumi-azure-native does (its pull request 4421).
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_CONCURRENT = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
_ATTEMPTS = 6
ENDPOINT, AUTHORITY = "REHEARSAL_AZURE_ENDPOINT", "REHEARSAL_CLOUD_CA_FILE"


class AzureError(CloudError):
    """The API answered with an error. ``code`` is Azure's name of it, ``status`` the HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        self.passing = status in _PASSING or code == _CONCURRENT
        super().__init__(f'Status={status} Code="{code}" Message="{message}"')


class Azure:
    """One configured provider."""

    def __init__(self, settings: Properties, environment: Mapping[str, str]) -> None:
        subscription = settings.get("subscriptionId") or environment.get("ARM_SUBSCRIPTION_ID")
        if not subscription:
            raise CloudError(
                "no subscription: set azure-native:subscriptionId (pulumi config set azure-native:subscriptionId …) or "
                "ARM_SUBSCRIPTION_ID. `az account show --query id` prints the one you are logged in to."
            )
        self.subscription = str(subscription)
        self._endpoint = environment.get(ENDPOINT, "")
        self._authority = environment.get(AUTHORITY) or None
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def call(self, method: str, path: str, api_version: str, body: Any = None) -> dict[str, Any]:
        """The answer's document. Throttling, outages and writes that must not run beside another are waited out.

        Raises :class:`AzureError`, or CloudError where the emulator cannot be reached.
        """
        for attempt in itertools.count():
            try:
                answer = self._connected().request(method, path, params={"api-version": api_version}, json=body)
            except httpx.HTTPError as error:
                raise CloudError(f"{method} {path}: {error}") from error
            if not answer.is_error:
                return cast("dict[str, Any]", answer.json()) if answer.content else {}
            rejected = _error(answer)
            if not rejected.passing or attempt == _ATTEMPTS - 1:
                raise rejected
            time.sleep(min(0.2 * 2**attempt, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the retries
        raise AssertionError("the loop does not end by itself")

    def found(self, method: str, path: str, api_version: str) -> dict[str, Any] | None:
        """The answer, or None where there is no such thing."""
        try:
            return self.call(method, path, api_version)
        except AzureError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def group_location(self, group: str) -> str:
        """Where a resource group is: the default region of what is made in it."""
        path = f"/subscriptions/{self.subscription}/resourceGroups/{group}"
        return str(self.call("GET", path, "2024-03-01")["location"])

    def _connected(self) -> httpx.Client:
        if not self._endpoint:
            raise CloudError(
                f"no emulated Azure is running for this provider ({ENDPOINT} is not set), and a rehearsal never calls the "
                "real one. Run `rehearse up`, which starts the emulator."
            )
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    base_url=self._endpoint,
                    verify=ssl.create_default_context(cafile=self._authority),
                    headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
                    trust_env=False,
                    timeout=30,
                )
            return self._client


def _error(answer: httpx.Response) -> AzureError:
    try:
        error: dict[str, Any] = answer.json()["error"]
        return AzureError(answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return AzureError(answer.status_code, "Unknown", answer.text[:500])


def connect(settings: Properties) -> Azure:
    """The connection for a provider's configuration. Contacts nothing. Raises CloudError."""
    return Azure(settings, os.environ)
