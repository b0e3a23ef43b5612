"""boto3 as this project calls the emulated AWS, and what botocore knows of AWS's regions."""

# boto3 has no types; what is taken from it here is handed on as Any or as plain values.
# pyright: basic

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import boto3.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError as BotoCoreError
from botocore.exceptions import ClientError as ClientError
from botocore.loaders import Loader

from rehearsal.emulators.aws.sessions import OPERATOR_KEY, OPERATOR_SECRET

_LOCK = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


def _client(*arguments: Any, **options: Any) -> Any:
    """A client of the one session: each session reads the services' models again, which costs more than what is asked then."""
    # Clients may be used by several threads at once, sessions may not.
    with _LOCK:
        return _session().client(*arguments, **options)


def operator_client(service: str, region: str, endpoint: str, authority: str | None) -> Any:
    """A client of the emulator at ``endpoint`` for the deploying identity; ``authority`` is the file of its
    certificate's authority.

    Nothing is contacted before the first call.
    """
    return _client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        verify=authority,
        aws_access_key_id=OPERATOR_KEY,
        aws_secret_access_key=OPERATOR_SECRET,
        # The rehearsal's services are on this machine: no proxy of the environment leads to them.
        config=Config(retries={"mode": "standard", "total_max_attempts": 10}, proxies={}),
    )


def session_client(
    service: str, region: str, endpoint: str, authority: str, credentials: tuple[str, str, str | None] | None
) -> Any:
    """A client that signs with ``credentials`` (key, secret, token of temporary ones), or not at all; it asks once, never again."""
    key, secret, token = credentials or (None, None, None)
    unsigned = {"signature_version": UNSIGNED} if credentials is None else {}
    return _client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        verify=authority,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, **unsigned),
    )


def error_of(error: ClientError) -> tuple[str, str, int]:
    """Code, message and HTTP status of an API's error."""
    details: dict[str, Any] = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return str(details.get("Code", "")), str(details.get("Message", "")), int(status)


@cache
def _partitions() -> list[dict[str, Any]]:
    return Loader().load_data("endpoints")["partitions"]


def region_names() -> dict[str, str]:
    """Every region's name and description."""
    return {name: item["description"] for partition in _partitions() for name, item in partition["regions"].items()}


def partition_of(region: str) -> str:
    """The partition of a region, ``aws`` for one that botocore does not know."""
    return next((str(item["partition"]) for item in _partitions() if region in item["regions"]), "aws")


def regions_of(partition: str) -> list[str]:
    """The names of a partition's regions, in order."""
    return sorted(name for item in _partitions() if item["partition"] == partition for name in item["regions"])


def dns_suffix(partition: str) -> str:
    """``amazonaws.com`` and its like."""
    return next((str(item["dnsSuffix"]) for item in _partitions() if item["partition"] == partition), "amazonaws.com")
