"""Deployments of templates."""

from __future__ import annotations

from rehearsal.emulators.azure.names import DEPLOYMENT_NAME
from rehearsal.emulators.rules import Anything, Fields, Text
from rehearsal.provider_plugins.azure_native.resource import RESOURCE_GROUP, TAGS, ArmResource, after
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Input, Live

_PROPERTIES = Fields(
    {
        "mode": Text(choices=("Incremental", "Complete")),
        "template": Anything(),
        "templateLink": Anything(),
        "parameters": Anything(),
        "parametersLink": Anything(),
        "debugSetting": Anything(),
        "onErrorDeployment": Anything(),
        "expressionEvaluationOptions": Anything(),
    },
    required=("mode",),
)


class Deployment(ArmResource):
    type = "azure-native:resources:Deployment"
    api_version = "2024-03-01"
    place = ("resourceGroupName", "deploymentName")
    tracked = False
    inputs = {
        "resourceGroupName": RESOURCE_GROUP,
        "deploymentName": Input(DEPLOYMENT_NAME, replaces=True),
        "location": Input(Text()),
        "properties": Input(_PROPERTIES, required=True),
        "tags": TAGS,
    }
    # Azure does not return its template, without which nothing is known of it.
    importable = False
    name = AutomaticName("deploymentName", longest=64, separator="", digits=8)

    def path(self, inputs: Properties) -> str:
        return f"{self.group(inputs)}/providers/Microsoft.Resources/deployments/{inputs['deploymentName']}"

    def placed(self, identity: str) -> Properties:
        return {
            "resourceGroupName": after(identity, "resourceGroups"),
            "deploymentName": after(identity, "deployments"),
        }

    def sent(self, properties: Properties) -> Properties:
        return properties["properties"]

    def read(self, identity: str, state: Properties) -> Live | None:
        # Azure keeps a deployment's outcome, not its template: what was deployed is known to the state only.
        found = super().read(identity, state)
        if found is None:
            return None
        return Live(found.id, {**found.inputs, "properties": state.get("properties")}, found.outputs)
