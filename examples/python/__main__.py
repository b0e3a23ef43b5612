"""Two registries in one program. First, in this directory:

pulumi package add ../../components
pulumi stack init dev
pulumi config set --secret registryPassword
pulumi config set aws:region eu-west-1
"""

import pulumi
from pulumi_mendix_registry import EcrPushRole, EcrRegistry, MendixRegistry

OIDC_PROVIDER = (
    "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
)

config = pulumi.Config()

# A registry with a password, which the stack's configuration holds as a secret.
shared = MendixRegistry(
    "shared",
    registry={
        "type": "generic",
        "pushHost": "registry.example.com",
        "repository": "mendixapps/{namespace}",
        "authentication": {"username": "builder"},
    },
    password=config.require_secret("registryPassword"),
    namespaces=[{"name": "orders"}],
)

# Amazon ECR, pushed to by this program's own role.
repositories = EcrRegistry("repositories", repositories=["mendixapps/billing"], region="eu-west-1")
role = EcrPushRole(
    "role",
    service_accounts=[{"namespace": "billing", "name": "mendix-builder"}],
    oidc_provider_arns=[OIDC_PROVIDER],
    repository_arns=[repositories.repository_arns["mendixapps/billing"]],
)
cloud = MendixRegistry(
    "cloud",
    registry={
        "type": "amazon-ecr",
        "accountId": "123456789012",
        "region": "eu-west-1",
        "repository": "mendixapps/{namespace}",
        "repositories": {"create": False},
        "authentication": {"method": "irsa", "oidcProvider": {"existing": OIDC_PROVIDER}},
    },
    role_arn=role.role_arn,
    namespaces=[{"name": "billing"}],
)

pulumi.export("orders", shared.access.apply(lambda access: access["orders"]["pushed"]))
pulumi.export("billing", cloud.access.apply(lambda access: access["billing"]["pushed"]))
