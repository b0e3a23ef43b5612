"""The token services, asked by boto3 with tokens of a cluster: who gets credentials, who does not, and why."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.slow

Refuse = Callable[[Callable[[], Any]], tuple[str, str]]


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_trusted_service_account_gets_credentials_with_its_identity(aws: Any, cluster: Any) -> None:
    aws.role("push", "orders", "builder", aws.push_policy("orders"))
    credentials = aws.assume("push", cluster.token("orders", "builder"))
    caller = aws.session(credentials, "sts").get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::{aws.id}:assumed-role/push/build"


@pytest.mark.parametrize(
    ("token", "code", "says"),
    [
        (lambda c, o: c.token("billing", "builder"), "AccessDenied", "system:serviceaccount:billing:builder"),
        (lambda c, o: c.token("orders", "default"), "AccessDenied", "system:serviceaccount:orders:default"),
        (lambda c, o: c.token("orders", "builder", audience="kubernetes"), "InvalidIdentityToken", "audience"),
        (lambda c, o: o.token("orders", "builder"), "InvalidIdentityToken", "verification key"),
        (lambda c, o: c.token("orders", "builder", iss="https://elsewhere.example"), "InvalidIdentityToken", "elsewhere"),
        (lambda c, o: c.token("orders", "builder", seconds=-60), "ExpiredTokenException", "expired"),
        (lambda c, o: tampered(c.token("billing", "builder")), "InvalidIdentityToken", "signature"),
        (lambda c, o: "no token", "InvalidIdentityToken", "not a JSON Web Token"),
    ],
    ids=[
        "neighbour namespace", "another ServiceAccount", "wrong audience", "another cluster's key", "another issuer",
        "expired", "tampered", "no token",
    ],
)  # fmt: skip
def test_other_identities_are_denied_with_the_reason(
    aws: Any, cluster: Any, other_cluster: Any, token: Callable[[Any, Any], str], code: str, says: str
) -> None:
    aws.role("push", "orders", "builder")
    found, message = refusal(lambda: aws.assume("push", token(cluster, other_cluster)))
    assert found == code
    assert says.lower() in message.lower()


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "system:serviceaccount:orders:builder"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


def test_no_token_is_accepted_without_an_identity_provider(make_aws: Any, cluster: Any) -> None:
    aws = make_aws()
    aws.role("push", "orders", "builder")
    code, message = refusal(lambda: aws.assume("push", cluster.token("orders", "builder")))
    assert code == "InvalidIdentityToken"
    assert "No OpenIDConnect provider" in message


def test_a_session_needs_permission_for_a_registry_token(aws: Any, cluster: Any) -> None:
    aws.role("push", "orders", "builder", aws.push_policy("orders"))
    aws.role("none", "orders", "builder")
    granted = aws.session(aws.assume("push", cluster.token("orders", "builder")), "ecr").get_authorization_token()
    assert granted["authorizationData"][0]["proxyEndpoint"] == f"https://{aws.host}"
    client = aws.session(aws.assume("none", cluster.token("orders", "builder")), "ecr")
    code, message = refusal(client.get_authorization_token)
    assert code == "AccessDeniedException"
    assert "ecr:GetAuthorizationToken" in message


def test_stolen_key_ids_without_their_secrets_are_worth_nothing(aws: Any, cluster: Any) -> None:
    aws.role("push", "orders", "builder", aws.push_policy("orders"))
    credentials = aws.assume("push", cluster.token("orders", "builder"))
    wrong_secret = aws.client("ecr", credentials["AccessKeyId"], "wrong", credentials["SessionToken"])
    assert refusal(wrong_secret.get_authorization_token)[0] == "SignatureDoesNotMatch"
    wrong_token = aws.client("ecr", credentials["AccessKeyId"], credentials["SecretAccessKey"], "wrong")
    assert refusal(wrong_token.get_authorization_token)[0] == "UnrecognizedClientException"
    assert refusal(aws.client("ecr", "AKIANOBODY", "x").get_authorization_token)[0] == "UnrecognizedClientException"


def test_an_access_key_works_until_it_is_deactivated(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="builder")
    iam.put_user_policy(UserName="builder", PolicyName="push", PolicyDocument=json.dumps(aws.push_policy("orders")))
    key = iam.create_access_key(UserName="builder")["AccessKey"]
    ecr = aws.client("ecr", key["AccessKeyId"], key["SecretAccessKey"])
    ecr.get_authorization_token()
    iam.update_access_key(UserName="builder", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(ecr.get_authorization_token)[0] == "UnrecognizedClientException"


def test_a_changed_role_works_after_the_propagation_delay(make_aws: Any, cluster: Any) -> None:
    aws = make_aws(propagation=30)
    seen = [1000.0]
    aws.cloud.account.identities._now = lambda: seen[0]
    aws.client("iam").create_open_id_connect_provider(
        Url="https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", ClientIDList=["sts.amazonaws.com"]
    )
    aws.role("push", "orders", "builder")
    for history in aws.cloud.account.identities._history.values():
        history[:] = [(1000.0, state) for _, state in history]
    code, message = refusal(lambda: aws.assume("push", cluster.token("orders", "builder")))
    assert code == "AccessDenied"
    assert "not visible yet" in message
    seen[0] = 1031.0
    assert aws.assume("push", cluster.token("orders", "builder"))


def test_an_account_keeps_ids_and_keys_after_a_restart(make_aws: Any) -> None:
    account = "100000999999"
    first = make_aws(account)
    first.role("push", "orders", "builder")
    iam = first.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    first.client("ecr").create_repository(repositoryName="orders")
    role = iam.get_role(RoleName="push")["Role"]["RoleId"]
    again = make_aws(account)
    assert again.client("iam").get_role(RoleName="push")["Role"]["RoleId"] == role
    assert (
        again.client("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()["Arn"].endswith("user/u")
    )
    assert again.client("ecr").describe_repositories(repositoryNames=["orders"])["repositories"]
