"""Kinds whose own status says everything: one function each from the live object to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.providers.kubernetes.properties import mapping_at, objects_at

from .verdict import Failed, Pending, Ready, Verdict

StatusJudge = Callable[[Mapping[str, Any]], Verdict]


def judge_namespace(live: Mapping[str, Any]) -> Verdict:
    phase = mapping_at(live, "status").get("phase")
    if phase == "Terminating":
        return Failed(("the namespace is being deleted; wait until it is gone and run the same command again",))
    return Ready() if phase == "Active" else Pending(f"phase {phase or 'unknown'}")


def judge_volume(live: Mapping[str, Any]) -> Verdict:
    status = mapping_at(live, "status")
    phase = status.get("phase")
    if phase == "Failed":
        return Failed((str(status.get("message") or "the volume failed"),))
    return Ready() if phase in ("Available", "Bound") else Pending(f"phase {phase or 'unknown'}")


def judge_claim(live: Mapping[str, Any]) -> Verdict:
    """A bound claim. One that binds only when a pod uses it is not waited for; see ``waits_for_consumer``."""
    phase = mapping_at(live, "status").get("phase")
    if phase == "Lost":
        return Failed(("the claim's volume does not exist any more",))
    if phase == "Bound":
        return Ready()
    storage_class = mapping_at(live, "spec").get("storageClassName")
    missing = () if storage_class else ("the claim names no storage class and the cluster has no default one",)
    return Pending(f"waiting for a volume (storage class {storage_class or 'none'})", missing)


def waits_for_consumer(storage_class: Mapping[str, Any] | None) -> bool:
    """Whether claims of that class bind only when a pod is scheduled that uses them."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def judge_service(live: Mapping[str, Any]) -> Verdict:
    """A load balancer with an address; other types are ready at once, since clients resolve names only when they
    connect."""
    if mapping_at(live, "spec").get("type") != "LoadBalancer":
        return Ready()
    if mapping_at(live, "status", "loadBalancer").get("ingress"):
        return Ready()
    return Pending(
        "waiting for the load balancer's address",
        ("a cluster without a cloud's controller or MetalLB never assigns one; use type NodePort or ClusterIP there",),
    )


def judge_definition(live: Mapping[str, Any]) -> Verdict:
    conditions = {str(item.get("type")): item for item in objects_at(live, "status", "conditions")}
    refused = conditions.get("NamesAccepted", {})
    if refused.get("status") == "False":
        return Failed((f"the definition's names are taken: {refused.get('message')}",))
    if conditions.get("Established", {}).get("status") == "True":
        return Ready()
    return Pending("waiting for the API server to establish the definition")


STATUS_JUDGES: Final[dict[tuple[str, str], StatusJudge]] = {
    ("", "Namespace"): judge_namespace,
    ("", "PersistentVolume"): judge_volume,
    ("", "PersistentVolumeClaim"): judge_claim,
    ("", "Service"): judge_service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): judge_definition,
}
