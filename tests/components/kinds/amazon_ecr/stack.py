"""Stacks with Amazon ECR for the tests: settings, what the provider answers, and a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mendix_registry.kinds.amazon_ecr.resources import AmazonEcr
from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse
from tests.components.program import Recording, run

ACCOUNT = "123456789012"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE0"
SECRET_KEY = "canary-of-the-secret-access-key"

IRSA: dict[str, Any] = {"method": "irsa", "oidcProvider": {"existing": PROVIDER}}
POD_IDENTITY: dict[str, Any] = {"method": "pod-identity", "cluster": {"name": "production"}}
STATIC: dict[str, Any] = {"method": "static"}

ANSWERS = {
    "aws:iam/role:Role": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT}:role{args.inputs.get('path', '/')}{args.inputs['name']}"
    },
    "aws:iam/accessKey:AccessKey": lambda args: {"secret": SECRET_KEY},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{args.inputs['url'].removeprefix('https://')}"
    },
    "aws:ecr/repository:Repository": lambda args: {
        "arn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{args.inputs['name']}",
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/{args.inputs['name']}",
    },
}


def settings(authentication: dict[str, Any], namespaces: Iterable[str] = ("orders",), **registry: Any) -> Settings:
    """Settings as a stack file gives them; None for a key of the registry leaves it out."""
    keys: dict[str, Any] = {
        "type": "amazon-ecr",
        "region": "eu-west-1",
        "accountId": ACCOUNT,
        "repository": "mendixapps/{namespace}",
        "authentication": authentication,
        **registry,
    }
    values = {
        "mendix-registry:registry": {key: value for key, value in keys.items() if value is not None},
        "mendix-registry:namespaces": [{"name": name} for name in namespaces],
        "mendix-registry:operatorConfiguration": {"adopt": "none"},
    }
    return parse(values, surroundings=Surroundings({"KEY": SECRET_KEY})).settings


def deployed(given: Settings, **options: Any) -> tuple[Recording, AmazonEcr]:
    """The kind's component alone, registered under mocks."""
    made: list[AmazonEcr] = []
    recording = run(lambda: made.append(AmazonEcr("registry", given, given.registry)), answers=ANSWERS, **options)
    return recording, made[0]
