"""EKS Pod Identity associations, which moto does not have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.emulators.aws.calls import ApiCall, ApiError
from rehearsal.emulators.aws.directory import Directory

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class Associations:
    """The associations of one account, by region, cluster and id."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._made = 0
        self._associations: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.operations: Mapping[str, Callable[[ApiCall, float], dict[str, Any]]] = {
            "CreatePodIdentityAssociation": self._create,
            "DescribePodIdentityAssociation": self._describe,
            "ListPodIdentityAssociations": self._list,
            "UpdatePodIdentityAssociation": self._update,
            "DeletePodIdentityAssociation": self._delete,
        }

    def find(self, namespace: str, service_account: str) -> tuple[str, dict[str, Any]] | None:
        """Region and association of a ServiceAccount. The rehearsal's one cluster stands for every EKS cluster of the account."""
        for (region, _, _), item in self._associations.items():
            if (item["namespace"], item["serviceAccount"]) == (namespace, service_account):
                return region, item
        return None

    def _create(self, call: ApiCall, now: float) -> dict[str, Any]:
        cluster = call.text("clusterName")
        arn = self._directory.cluster_arn(call.region, cluster)
        if arn is None:
            raise ApiError("ResourceNotFoundException", f"No cluster found for name: {cluster}.", 404)
        wanted = (call.text("namespace"), call.text("serviceAccount"))
        for (region, other, _), item in self._associations.items():
            if (region, other) == (call.region, cluster) and (item["namespace"], item["serviceAccount"]) == wanted:
                raise ApiError("ResourceInUseException", f"Association already exists: {item['associationId']}", 409)
        if call.parameters.get("policy") and not call.parameters.get("disableSessionTags"):
            raise ApiError("InvalidParameterException", "policy requires disableSessionTags to be true")
        self._made += 1
        identity = f"a-{_token(f'{cluster}/{wanted}/{self._made}', 18)}"
        association = {
            **{key: value for key, value in call.parameters.items() if key not in ("name", "clientRequestToken")},
            "clusterName": cluster,
            "associationId": identity,
            "associationArn": arn.replace(":cluster/", ":podidentityassociation/") + f"/{identity}",
            "createdAt": now,
            "modifiedAt": now,
        }
        self._associations[call.region, cluster, identity] = association
        return {"association": association}

    def _describe(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        return {"association": self._find(call)}

    def _list(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        shown = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
        found = [
            {key: item[key] for key in shown}
            for (region, cluster, _), item in self._associations.items()
            if (region, cluster) == (call.region, call.text("clusterName"))
            and call.parameters.get("namespace", item["namespace"]) == item["namespace"]
        ]
        return {"associations": found}

    def _update(self, call: ApiCall, now: float) -> dict[str, Any]:
        association = self._find(call)
        for key in ("roleArn", "disableSessionTags", "targetRoleArn", "policy"):
            if call.parameters.get(key) is not None:
                association[key] = call.parameters[key]
        association["modifiedAt"] = now
        return {"association": association}

    def _delete(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        association = self._find(call)
        del self._associations[call.region, call.text("clusterName"), call.text("associationId")]
        return {"association": association}

    def _find(self, call: ApiCall) -> dict[str, Any]:
        identity = call.text("associationId")
        found = self._associations.get((call.region, call.text("clusterName"), identity))
        if found is None:
            raise ApiError("ResourceNotFoundException", f"No association found for id: {identity}.", 404)
        return found


def _token(text: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest())
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
