"""Adds a pull secret to ServiceAccount ``default`` and keeps everything else that its list holds.

``imagePullSecrets`` is one value to server-side apply (an atomic list): whoever applies it owns all of it. OpenShift
keeps its own secret there, and so do tools that spread pull secrets. So:

* **At creation** the list is taken as it is at that moment and applied with our name added: entries stay, in their
  order, and a list that has our name already stays as it is. To see it, a first patch that sets nothing reads the
  object (and makes it, in a namespace so new that Kubernetes has not yet done so).
* **Later** nothing is written again (``ignoreChanges``), whatever the list has become: an entry that someone adds,
  changes or removes is theirs and stays so, and there is nothing to differ in a preview or after a refresh. The name of
  our Secret never changes. Should someone remove our entry, replacing the link (``--target-replace``) adds it again.
* **On destroy** Kubernetes removes the fields that only we own, which here is the whole list. That is right only if
  nothing but our name was in it. If there was anything else, the link is retained: the list stays, our name in it. Such
  a name without a Secret does no harm (the kubelet skips it, with an event), and no pulls break;
  ``kubectl edit serviceaccount default`` removes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pulumi
from pulumi_kubernetes.core.v1 import LocalObjectReferencePatchArgs, ServiceAccountPatch
from pulumi_kubernetes.core.v1.outputs import LocalObjectReferencePatch

DEFAULT_SERVICE_ACCOUNT = "default"
"""The ServiceAccount that app pods run as unless they have their own (Mendix's "default service account")."""


def link_to_default(
    name: str, namespace: pulumi.Input[str], secret_name: pulumi.Input[str], parent: pulumi.Resource
) -> pulumi.Resource:
    """Makes pods of ServiceAccount ``default`` pull with ``secret_name``. See the module for what it leaves alone. Returns the
    patch, a child of ``parent``."""
    found = ServiceAccountPatch(
        f"{name}-found",
        metadata={"name": DEFAULT_SERVICE_ACCOUNT, "namespace": namespace},
        opts=pulumi.ResourceOptions(parent=parent),
    )
    live = found.image_pull_secrets.apply(names_of)
    return ServiceAccountPatch(
        name,
        metadata={
            "name": DEFAULT_SERVICE_ACCOUNT,
            "namespace": namespace,
            # The list may belong to another manager; its content is kept, so taking it over loses nothing.
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        image_pull_secrets=pulumi.Output.all(live, secret_name).apply(
            lambda values: references(with_entry(values[0], values[1]))
        ),
        opts=pulumi.ResourceOptions(
            parent=parent, ignore_changes=["imagePullSecrets"], transforms=[retain_if_shared], depends_on=[found]
        ),
    )


def names_of(live: Sequence[LocalObjectReferencePatch] | None) -> list[str]:
    """The names in a ServiceAccount's list."""
    return [entry.name for entry in live or () if entry.name]


def with_entry(names: Sequence[str], ours: str) -> list[str]:
    """``names`` with ``ours`` among them, each once, in their order."""
    return list(dict.fromkeys([*names, ours]))


def references(names: Sequence[str]) -> Sequence[LocalObjectReferencePatchArgs]:
    """``names`` in the form of the API."""
    return [LocalObjectReferencePatchArgs(name=name) for name in names]


async def retain_if_shared(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Retains the link on destroy where the list holds more than our entry. A transform, because it is the only place
    where a resource option can depend on a value that the program learns from the cluster."""
    given: object = args.props.get("imagePullSecrets")
    # The engine hands a value that came from another resource over as an output; in a preview it may be unknown.
    entries = await cast("pulumi.Output[object]", given).future() if isinstance(given, pulumi.Output) else given
    if isinstance(entries, list) and len(cast("list[object]", entries)) > 1:
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(retain_on_delete=True))
        return pulumi.ResourceTransformResult(args.props, opts)
    return None
