"""A program that registers the resources in the file ``registrations.json`` beside it, each below a component of its stack's name.

A value ``{"$mark": "secret", "value": …}`` is a secret, ``{"$mark": "unknown"}`` one that a preview does not know.
"""

import json
from pathlib import Path
from typing import Any

import pulumi

MARK = "$mark"


class Group(pulumi.ComponentResource):
    """Holds apart what different stacks call the same."""


class Resource(pulumi.CustomResource):
    """Any resource, by the inputs that go over the wire."""


def value(given: Any, unknown: Any) -> Any:
    match given:
        case {"$mark": "unknown"}:
            return unknown
        case {"$mark": "secret", "value": inner}:
            return pulumi.Output.secret(value(inner, unknown))
        case dict():
            return {key: value(item, unknown) for key, item in given.items()}
        case list():
            return [value(item, unknown) for item in given]
        case _:
            return given


def register(items: list[dict[str, Any]]) -> None:
    unknown = Resource("test:index:Source", "source", {}).id
    groups: dict[str, Group] = {}
    for item in items:
        stack = item["stack"]
        if stack not in groups:
            groups[stack] = Group(f"test:index:{stack}", stack)
        options = pulumi.ResourceOptions(parent=groups[stack], protect=item["protect"])
        Resource(item["type"], item["name"], value(item["inputs"], unknown), options)


if __name__ == "__main__":
    register(json.loads(Path(__file__).with_name("registrations.json").read_text()))
