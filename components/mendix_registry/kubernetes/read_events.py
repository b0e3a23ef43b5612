"""Prints the warnings of namespaces as JSON: for each its events, or a text with the reason why they cannot be read.

The question is on standard input: ``kubeconfig`` (its text, or null for the ambient one), ``context`` (or null), ``namespaces``.
Run as a file by :mod:`mendix_registry.kubernetes.cluster_events`, never imported.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import kr8s.asyncio
import yaml


async def main(kubeconfig: str | None, context: str | None, namespaces: Sequence[str]) -> None:
    """Raises whatever the client does where there is no way to the cluster."""
    config = yaml.safe_load(kubeconfig) if kubeconfig else None
    api: Any = await kr8s.asyncio.api(kubeconfig=config, context=context)
    found: dict[str, Any] = {}
    for namespace in namespaces:
        try:
            found[namespace] = await _warnings(api, namespace)
        except kr8s.ServerError as error:
            found[namespace] = str(error)
    json.dump(found, sys.stdout)


async def _warnings(api: Any, namespace: str) -> list[dict[str, Any]]:
    parameters = {"fieldSelector": "type=Warning"}
    async with api.call_api("GET", url="events", namespace=namespace, params=parameters) as answer:
        return answer.json()["items"]


if __name__ == "__main__":
    asyncio.run(main(**json.load(sys.stdin)))
