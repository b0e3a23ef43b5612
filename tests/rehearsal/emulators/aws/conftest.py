"""An emulated AWS with a role that one ServiceAccount may assume, and boto3, AWS's own client, to check it with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rehearsal.emulators.aws.cloud import AwsCloud, AwsSettings
from rehearsal.emulators.aws.sessions import OPERATOR_KEY, OPERATOR_SECRET
from rehearsal.emulators.decisions import DecisionLog
from rehearsal.emulators.tokens import ClusterTokens

REGION = "eu-west-1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
KNOWN_AS = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"
_accounts = itertools.count(100000000001)


class Aws:
    """An emulator that is served, and clients of it."""

    def __init__(self, cloud: AwsCloud, url: str, host: str) -> None:
        self.cloud, self.url, self.host = cloud, url, host
        self.id = cloud.account.id

    def client(
        self, service: str, key: str = OPERATOR_KEY, secret: str = OPERATOR_SECRET, token: str | None = None
    ) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def session(self, credentials: dict[str, str], service: str) -> Any:
        return self.client(
            service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        )

    def assume(self, role: str, token: str, **more: Any) -> dict[str, str]:
        answer = self.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{self.id}:role/{role}", RoleSessionName="build", WebIdentityToken=token, **more
        )
        return answer["Credentials"]

    def trust(self, namespace: str, name: str) -> dict[str, Any]:
        issuer = KNOWN_AS.removeprefix("https://")
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": f"arn:aws:iam::{self.id}:oidc-provider/{issuer}"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{issuer}:sub": f"system:serviceaccount:{namespace}:{name}",
                            f"{issuer}:aud": "sts.amazonaws.com",
                        }
                    },
                }
            ],
        }

    def push_policy(self, *repositories: str, without: str = "") -> dict[str, Any]:
        actions = [
            "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage",
            "UploadLayerPart",
        ]  # fmt: skip
        resources = [f"arn:aws:ecr:{REGION}:{self.id}:repository/{name}" for name in repositories]
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                {"Effect": "Allow", "Action": [f"ecr:{a}" for a in actions if a != without], "Resource": resources},
            ],
        }

    def role(self, name: str, namespace: str, account: str, policy: dict[str, Any] | None = None) -> None:
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(self.trust(namespace, account)))
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName="push", PolicyDocument=json.dumps(policy))


@pytest.fixture
def make_aws(cluster: Any, serve: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Aws]]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(account: str = "", propagation: float = 0.0) -> Aws:
            account = account or str(next(_accounts))
            host = f"{account}.dkr.ecr.{REGION}.amazonaws.com"
            settings = AwsSettings(account, REGION, "aws", "amazonaws.com", (host,), KNOWN_AS)
            tokens = ClusterTokens(ISSUER, KNOWN_AS, cluster.keys)
            cloud = AwsCloud(settings, tokens, tmp_path, propagation=propagation, decisions=DecisionLog())
            return Aws(cloud, stack.enter_context(serve(cloud.api)), host)

        yield make


@pytest.fixture
def aws(make_aws: Callable[..., Aws]) -> Aws:
    made = make_aws()
    made.client("iam").create_open_id_connect_provider(
        Url=KNOWN_AS, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )
    return made
