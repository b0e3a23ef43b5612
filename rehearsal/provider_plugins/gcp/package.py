"""The ``gcp`` provider as data."""

from __future__ import annotations

from typing import Final

from rehearsal.emulators.rules import Entries, Flag, Text
from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.resource import Input
from rehearsal.provider_plugins.gcp import members, repository, service_account
from rehearsal.provider_plugins.gcp.cloud import Gcp, connect

# The provider's other settings choose credentials and ways to reach the real Google Cloud: a rehearsal has its own.
_IGNORED = (
    "accessToken",
    "batching",
    "billingProject",
    "credentials",
    "deletionPolicy",
    "disableGooglePartnerName",
    "externalCredentials",
    "googlePartnerName",
    "iamCustomEndpoint",
    "artifactRegistryCustomEndpoint",
    "impersonateServiceAccount",
    "impersonateServiceAccountDelegates",
    "pollInterval",
    "preferGlobalEndpoints",
    "preferRegionalEndpoints",
    "pulumiAttributionLabelAdditionStrategy",
    "requestReason",
    "requestTimeout",
    "scopes",
    "universeDomain",
    "userProjectOverride",
)

PACKAGE: Final[Package[Gcp]] = Package(
    name="gcp",
    resources=(
        repository.Repository,
        members.RepositoryIamMember,
        service_account.Account,
        members.IAMMember,
    ),
    functions={},
    configuration={
        "project": Input(Text()),
        "region": Input(Text(r"[a-z0-9-]+")),
        "zone": Input(Text(r"[a-z0-9-]+")),
        "defaultLabels": Input(Entries()),
        "addPulumiAttributionLabel": Input(Flag()),
        **{key: Input() for key in _IGNORED},
    },
    connect=connect,
)
