"""Amazon EKS: what gives a ServiceAccount a role without an annotation."""

from __future__ import annotations

from collections.abc import Collection

from rehearsal.emulators.aws.model import member
from rehearsal.provider_plugins.aws.resource import REGION, AwsResource, json_text, tags
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import Created, Input, Live

_CREATE = "CreatePodIdentityAssociation"


class PodIdentityAssociation(AwsResource):
    """Imported as ``cluster,association``; the id in the state is the association's alone, as the real provider's."""

    type = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
    service = "eks"
    gone = frozenset({"ResourceNotFoundException", "NotFoundException"})
    inputs = {
        "clusterName": Input(member("eks", _CREATE, "clusterName"), required=True, replaces=True),
        "namespace": Input(member("eks", _CREATE, "namespace"), required=True, replaces=True),
        "serviceAccount": Input(member("eks", _CREATE, "serviceAccount"), required=True, replaces=True),
        "roleArn": Input(member("eks", _CREATE, "roleArn"), required=True),
        "disableSessionTags": Input(member("eks", _CREATE, "disableSessionTags")),
        "targetRoleArn": Input(member("eks", _CREATE, "targetRoleArn")),
        "policy": json_text(member("eks", _CREATE, "policy"), required=False),
        "region": REGION,
        "tags": tags(),
    }
    computed = ("associationArn", "associationId", "externalId", "region", "tagsAll")
    changing = frozenset({"tagsAll"})

    @classmethod
    def check(cls, inputs: Properties) -> list[tuple[str, str]]:
        if inputs.get("policy") and not inputs.get("disableSessionTags"):
            return [("policy", "an association that has its own policy needs disableSessionTags: true")]
        return []

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            _CREATE,
            inputs,
            **{key: inputs.get(key) for key in self.inputs if key not in ("region", "tags")},
            tags=self.cloud.tags(inputs) or None,
        )
        return Created(made["association"]["associationId"])

    def read(self, identity: str, state: Properties) -> Live | None:
        identity, region = self.imported(identity, state)
        state = {**state, **region}
        cluster, comma, association = identity.rpartition(",")
        found = self.found(
            "DescribePodIdentityAssociation",
            state,
            clusterName=cluster if comma else state.get("clusterName"),
            associationId=association,
        )
        if found is None:
            return None
        live = found["association"]
        listed: dict[str, str] = live.get("tags") or {}
        inputs = {key: live.get(key) for key in self.inputs if key not in ("region", "tags")}
        inputs |= region
        inputs["tags"] = self.own_tags(listed, state)
        outputs = {
            "associationArn": live["associationArn"],
            "associationId": association,
            "externalId": live.get("externalId"),
            "tagsAll": listed,
        }
        return Live(association, inputs, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        place = {key: inputs[key] for key in ("clusterName", "namespace", "serviceAccount")}
        found = self.found("ListPodIdentityAssociations", inputs, **place) or {"associations": []}
        left = (item["associationId"] for item in found["associations"] if item["associationId"] not in known)
        return next((f"{inputs['clusterName']},{self.existing(item, inputs)}" for item in left), None)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        self.call(
            "UpdatePodIdentityAssociation",
            old,
            clusterName=old["clusterName"],
            associationId=identity,
            **{key: new.get(key) for key in ("roleArn", "disableSessionTags", "targetRoleArn", "policy")},
        )
        before, after = self.cloud.tags(old), self.cloud.tags(new)
        if gone := sorted(set(before) - set(after)):
            self.call("UntagResource", old, resourceArn=old["associationArn"], tagKeys=gone)
        if before != after and after:
            self.call("TagResource", old, resourceArn=old["associationArn"], tags=after)

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeletePodIdentityAssociation", state, clusterName=state["clusterName"], associationId=identity)
