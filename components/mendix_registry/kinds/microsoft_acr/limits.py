"""What stacks with Azure Container Registry share: the subscription's limits, and the registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

from mendix_registry.kinds.microsoft_acr.settings import AzureRegistry, WorkloadIdentityAuthentication
from mendix_registry.settings.limits import SEPARATE_STACK, Amount, Count, Limits, Rate, Shared, same_names
from mendix_registry.settings.stack import Settings

TOKENS = {"Basic": 100, "Standard": 500, "Premium": 50_000}
"""Most tokens, and most scope maps, of one registry (container-registry-skus)."""


def _amounts(stacks: Sequence[Settings], resources: Counter[str]) -> Iterator[Amount]:
    yield Amount(
        "tokens of the registry",
        resources["azure-native:containerregistry:Token"],
        TOKENS[cast("AzureRegistry", stacks[0].registry).sku],
        ("authentication",),
        "use the method workload-identity, or a registry of a higher tier",
    )


def _shared(registry: AzureRegistry) -> Iterator[Shared]:
    if not registry.existing:
        yield Shared(
            ("import" if registry.import_ else "name",),
            "every stack would create or take over the registry",
            "there is one registry, and the stack that has it must be the only one",
            f"create it {SEPARATE_STACK}, and give its resource id as existing, with roleAssignmentMode",
        )
    if registry.kubelet_object_ids:
        yield Shared(
            ("kubeletObjectIds",),
            "every stack would let the nodes pull",
            "Azure rejects the second role assignment (RoleAssignmentExists), and the first stack that is destroyed deletes it",
            "write it in the stack of the registry, and remove it here",
        )
    method = registry.authentication
    if not isinstance(method, WorkloadIdentityAuthentication):
        return
    if method.existing or method.import_:
        yield Shared(
            ("authentication", "existing" if method.existing else "import"),
            "all stacks would write federated credentials of one managed identity",
            "it takes 20 of them, and one write at a time: Azure answers 409 to two stacks at once",
            "remove the key, so that each namespace gets an identity, or set sharedIdentities and namePrefix",
        )
    if method.shared_identities:
        yield same_names(("authentication", "namePrefix"), "managed identities", "mendix-{stack}")


LIMITS = Limits(
    cloud="Azure",
    rates=(
        # learn.microsoft.com "Understand how Azure Resource Manager throttles requests": bucket of 200, refilled 10 per second.
        Rate(
            "azureWritesPerSecond",
            "Azure Resource Manager writes per subscription",
            ("azure-native:",),
            10,
            burst=200,
        ),
        # Microsoft's page "workload-identity-federation-considerations", as is the next.
        Rate(
            "azureIdentityWritesPerSecond",
            "Azure identity writes per subscription",
            ("azure-native:managedidentity:",),
            2,
        ),
        Rate(
            None,
            "Azure credentials of one identity, in turn",
            ("azure-native:managedidentity:FederatedIdentityCredential",),
            0.25,
            in_turn=True,
        ),
    ),
    counts=(
        Count(
            "azureRoleAssignments",
            "role assignments in the subscription",
            "azure-native:authorization:RoleAssignment",
            4000,
            ("authentication",),
            "set sharedIdentities, so that several namespaces of a stack share an identity and its role; or split the fleet by "
            "subscription",
        ),
    ),
    amounts=_amounts,
    shared=_shared,
    by_namespace=(("authentication", "passwords"),),
)
