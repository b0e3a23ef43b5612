"""Makes an object of Kubernetes the same object to every update, whatever became of the one before.

An update can be killed after an object was created and before Pulumi has noted it. The next update creates it again by a
server-side apply, which takes over what is there: if the name is the same, and if the field manager is. Pulumi would invent both
again. Then the first Job stays beside the second for ever, and every field of a Secret has an owner that no longer exists, with
whom the first change conflicts. So both follow from the program here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import pulumi

_FIELD_MANAGER = "pulumi.com/patchFieldManager"
_NO_CONTENT = ("metadata", "apiVersion", "api_version", "kind", "status")


def keep_identity(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A transformation for components with objects of Kubernetes: their field managers, and names for those that have none.

    Such a name is the resource's with a digest of the object's content: another Job, another name. Names are no secrets, so a
    Secret has to have one.
    """
    if not args.type_.startswith("kubernetes:") or args.opts.id is not None:
        return None
    content = {key: value for key, value in args.props.items() if key not in _NO_CONTENT and value is not None}
    metadata = cast("dict[str, Any]", args.props["metadata"])
    if args.type_.endswith("Patch") and not content:
        return None  # only looks: whoever sets nothing owns nothing
    if "name" not in metadata:
        metadata = {**metadata, "name": pulumi.Output.from_input(content).apply(lambda value: _named(args.name, value))}
    given = cast("dict[str, Any]", metadata.get("annotations", {}))
    metadata = {**metadata, "annotations": {**given, _FIELD_MANAGER: _field_manager(args)}}
    return pulumi.ResourceTransformationResult({**args.props, "metadata": metadata}, args.opts)


def _named(name: str, content: Any) -> str:
    return f"{name}-{_digest(json.dumps(content, sort_keys=True))}"


def _field_manager(args: pulumi.ResourceTransformationArgs) -> str:
    # An object that a stack has created and then only patches stays its own.
    kind = args.type_.removesuffix("Patch")
    owner = "/".join((pulumi.get_project(), pulumi.get_stack(), kind, args.name))
    return f"pulumi-kubernetes-{_digest(owner)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
