"""The ``aws`` provider as data."""

from __future__ import annotations

from typing import Final

from rehearsal.emulators.rules import Text
from rehearsal.provider_plugins.aws import ecr, eks, functions, iam, iam_attachments
from rehearsal.provider_plugins.aws.cloud import Aws, connect
from rehearsal.provider_plugins.framework.package import Package
from rehearsal.provider_plugins.framework.resource import Input

# The provider's other settings choose credentials, endpoints and skipped checks of the real AWS: a rehearsal has its own.
_IGNORED = (
    "accessKey",
    "allowedAccountIds",
    "assumeRoles",
    "assumeRoleWithWebIdentity",
    "customCaBundle",
    "defaultTags",
    "endpoints",
    "forbiddenAccountIds",
    "ignoreTags",
    "insecure",
    "maxRetries",
    "profile",
    "retryMode",
    "secretKey",
    "sharedConfigFiles",
    "sharedCredentialsFiles",
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
    "stsRegion",
    "token",
    "useDualstackEndpoint",
    "useFipsEndpoint",
)

PACKAGE: Final[Package[Aws]] = Package(
    name="aws",
    resources=(
        ecr.Repository,
        ecr.LifecyclePolicy,
        ecr.RepositoryPolicy,
        ecr.RepositoryCreationTemplate,
        iam.Role,
        iam.Policy,
        iam.User,
        iam.AccessKey,
        iam.OpenIdConnectProvider,
        iam_attachments.RolePolicy,
        iam_attachments.RolePolicyAttachment,
        iam_attachments.UserPolicy,
        iam_attachments.UserPolicyAttachment,
        eks.PodIdentityAssociation,
    ),
    functions={
        "aws:index/getRegion:getRegion": functions.get_region,
        "aws:index/getPartition:getPartition": functions.get_partition,
        "aws:index/getCallerIdentity:getCallerIdentity": functions.get_caller_identity,
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": functions.get_open_id_connect_provider,
        "aws:eks/getCluster:getCluster": functions.get_cluster,
        "aws:ecr/getRepository:getRepository": functions.get_repository,
    },
    configuration={"region": Input(Text(r"[a-z0-9-]+"), replaces=True), **{key: Input() for key in _IGNORED}},
    connect=connect,
)
