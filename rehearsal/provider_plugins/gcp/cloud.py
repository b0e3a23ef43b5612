"""The connection to the emulated Google Cloud: REST calls, long-running operations, errors in the words of the real provider."""

from __future__ import annotations

import itertools
import os
import random
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import httpx

from rehearsal.emulators.gcp.access_tokens import OPERATOR_TOKEN
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import CloudError

ENDPOINT, AUTHORITY = "REHEARSAL_GCP_ENDPOINT", "REHEARSAL_CLOUD_CA_FILE"
_PROJECT_VARIABLES = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
_REGION_VARIABLES = ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION")
_RETRIED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
_ATTEMPTS = 8
_OPERATION_SECONDS = 1200


class Gcp:
    """One configured provider. Contacts nothing until its first call; safe to use from several threads."""

    def __init__(self, settings: Properties, environment: Mapping[str, str]) -> None:
        self.project: str = _first(settings.get("project"), environment, _PROJECT_VARIABLES)
        self.region: str = _first(settings.get("region"), environment, _REGION_VARIABLES)
        self._endpoint = environment.get(ENDPOINT, "")
        self._authority = environment.get(AUTHORITY) or None
        self._settings = settings
        self._http: httpx.Client | None = None

    def labels(self, given: Mapping[str, str]) -> dict[str, str]:
        """A resource's labels with the provider's default labels, which they override, and Pulumi's own."""
        own = {} if self._settings.get("addPulumiAttributionLabel") is False else {"goog-pulumi-provisioned": "true"}
        return {**own, **(self._settings.get("defaultLabels") or {}), **given}

    def call(
        self, action: str, method: str, path: str, body: object = None, /, **query: str | int | None
    ) -> dict[str, Any]:
        """Call an API and give its answer. ``action`` begins the message of a failure (``Error creating Repository``).

        Raises :class:`GoogleError`, or CloudError where the emulator cannot be reached. Throttling and outages are waited out.
        """
        client = self._client()
        given = {key: value for key, value in query.items() if value is not None}
        for attempt in itertools.count():
            try:
                answer = client.request(method, f"/v1/{path}", json=body, params=given)
            except httpx.HTTPError as error:
                raise CloudError(f"{action}: {error}") from error
            if answer.is_success:
                return cast("dict[str, Any]", answer.json() if answer.content else {})
            rejected = GoogleError(action, answer)
            if not rejected.passing or attempt == _ATTEMPTS - 1:
                raise rejected
            time.sleep(min(0.2 * 2**attempt, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the retries
        raise AssertionError("the loop does not end by itself")

    def finished(self, action: str, operation: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for a long-running operation; its response. Raises GoogleError."""
        deadline = time.monotonic() + _OPERATION_SECONDS
        pause = 0.05
        while not operation.get("done"):
            if time.monotonic() > deadline:
                raise CloudError(f"{action}: timeout while waiting for {operation['name']}")
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
            operation = self.call(action, "GET", str(operation["name"]))
        failed = operation.get("error")
        if failed:
            raise CloudError(f"{action}: Error code {failed.get('code')}, message: {failed.get('message')}")
        return cast("dict[str, Any]", operation.get("response") or {})

    def _client(self) -> httpx.Client:
        if not self._endpoint:
            raise CloudError(
                f"no emulated Google Cloud is running for this provider ({ENDPOINT} is not set), and a rehearsal never calls "
                "the real one. Run `rehearse up`, which starts the emulator."
            )
        if self._http is None:
            verify: ssl.SSLContext | bool = (
                ssl.create_default_context(cafile=self._authority) if self._authority else True
            )
            self._http = httpx.Client(
                base_url=self._endpoint,
                verify=verify,
                timeout=60,
                # The rehearsal's services are on this machine: no proxy of the environment leads to them.
                trust_env=False,
                headers={"authorization": f"Bearer {OPERATOR_TOKEN}"},
            )
        return self._http


class GoogleError(CloudError):
    """The API answered with an error. ``code`` is the HTTP status, ``status`` Google's name of the error."""

    def __init__(self, action: str, answer: httpx.Response) -> None:
        try:
            details: dict[str, Any] = answer.json().get("error") or {}
        except (ValueError, AttributeError):
            details = {}
        self.code = answer.status_code
        self.status = str(details.get("status", ""))
        message = str(details.get("message") or answer.text[:500])
        # What an account may have at most does not pass by waiting.
        self.passing = self.code in _RETRIED and not message.startswith("Maximum number")
        super().__init__(f"{action}: googleapi: Error {self.code}: {message}")


def connect(settings: Properties) -> Gcp:
    """The connection for a provider's configuration. Contacts nothing."""
    return Gcp(settings, os.environ)


def _first(given: Any, environment: Mapping[str, str], variables: tuple[str, ...]) -> str:
    return str(given or next((environment[name] for name in variables if environment.get(name)), ""))
