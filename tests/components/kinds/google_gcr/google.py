"""What the tests of the room share: a stack at Google, what Google answers, the requests that would be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks

from mendix_registry.settings.values import Surroundings
from mendix_registry.stack_file import Settings, parse
from tests.components.program import Recording, Registered, run
from tests.oracles.google.discovery import client, judge_body

REPOSITORY = "gcp:artifactregistry/repository:Repository"
REPOSITORY_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
WRITER, READER = "roles/artifactregistry.writer", "roles/artifactregistry.reader"
NUMBER = "123456789012"


def stack(*namespaces: str | dict[str, Any], direct: bool = False, **registry: Any) -> Settings:
    """The settings of a stack file with these namespaces; ``registry`` are keys of its registry."""
    method = {"method": "direct", "projectNumber": NUMBER} if direct else {"method": "workload-identity"}
    authentication = {**method, **registry.pop("authentication", {})}
    values = {
        "mendix-registry:registry": {
            "type": "google-gcr",
            "pushHost": "europe-west4-docker.pkg.dev",
            "repository": "example-mendix/{namespace}/apps",
            "authentication": authentication,
            **registry,
        },
        "mendix-registry:namespaces": [{"name": n} if isinstance(n, str) else n for n in namespaces or ("orders",)],
    }
    return parse(values, surroundings=Surroundings({})).settings


def address(account: Mapping[str, Any]) -> str:
    """The address that Google gives to a service account with these inputs."""
    host = ".".join(reversed(account["project"].split(":")))
    return f"{account['accountId']}@{host}.iam.gserviceaccount.com"


def _account(args: mocks.MockResourceArgs) -> dict[str, Any]:
    project = args.inputs["project"]
    email = address(args.inputs)
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{project}/serviceAccounts/{email}",
    }


def _repository(args: mocks.MockResourceArgs) -> dict[str, Any]:
    given = args.inputs
    return {"registryUri": f"{given['location']}-docker.pkg.dev/{given['project']}/{given['repositoryId']}"}


ANSWERS = {ACCOUNT: _account, REPOSITORY: _repository}


def place(settings: Settings) -> Recording:
    """Only the cloud side of the stack."""

    def program() -> Any:
        from mendix_registry.kinds.google_gcr.resources import GoogleGcr

        made = GoogleGcr("registry", settings, settings.registry)
        return pulumi.Output.all(
            **{
                name: {
                    "annotations": dict(access.identity.annotations),
                    "who": getattr(access.credentials, "description", None),
                }
                for name, access in made.access.items()
            }
        )

    return run(program, answers=ANSWERS)


def whole(settings: Settings, *, preview: bool = False) -> Recording:
    """The whole stack."""
    from mendix_registry.deployment import deploy

    return run(lambda: deploy(settings), answers=ANSWERS, preview=preview)


def custom(recording: Recording) -> list[Registered]:
    """Google's resources."""
    return [item for item in recording.registered if item.custom and item.type.startswith("gcp:")]


def judge(items: Iterable[Registered]) -> int:
    """Puts each resource's inputs into the request that creates it, has the discovery documents judge it, and counts them."""
    judged = list(items)
    for item in judged:
        _JUDGES[item.type](dict(item.inputs))
    return len(judged)


def _judge_repository(given: dict[str, Any]) -> None:
    given.pop("deletionPolicy")
    parent = f"projects/{given.pop('project')}/locations/{given.pop('location')}"
    repository_id = given.pop("repositoryId")
    # The API has a map of policies by their ids, the provider a list.
    policies = {policy["id"]: policy for policy in given.pop("cleanupPolicies", ())}
    body = {**given, "cleanupPolicies": policies} if policies else given
    judge_body("artifactregistry.v1", "Repository", body)
    repositories = client("artifactregistry.v1").projects().locations().repositories()
    repositories.create(parent=parent, repositoryId=repository_id, body=body)


def _judge_repository_member(given: dict[str, Any]) -> None:
    name = f"projects/{given['project']}/locations/{given['location']}/repositories/{given['repository']}"
    body = _policy(given)
    judge_body("artifactregistry.v1", "SetIamPolicyRequest", body)
    client("artifactregistry.v1").projects().locations().repositories().setIamPolicy(resource=name, body=body)


def _judge_account(given: dict[str, Any]) -> None:
    project = given.pop("project")
    body = {"accountId": given.pop("accountId"), "serviceAccount": given}
    judge_body("iam.v1", "CreateServiceAccountRequest", body)
    client("iam.v1").projects().serviceAccounts().create(name=f"projects/{project}", body=body)


def _judge_account_member(given: dict[str, Any]) -> None:
    body = _policy(given)
    judge_body("iam.v1", "SetIamPolicyRequest", body)
    client("iam.v1").projects().serviceAccounts().setIamPolicy(resource=given["serviceAccountId"], body=body)
    # Whoever may act as the account asks this API for its token.
    name = f"projects/-/serviceAccounts/{given['serviceAccountId'].rsplit('/', 1)[1]}"
    tokens = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    judge_body("iamcredentials.v1", "GenerateAccessTokenRequest", tokens)
    client("iamcredentials.v1").projects().serviceAccounts().generateAccessToken(name=name, body=tokens)


def _policy(given: dict[str, Any]) -> dict[str, Any]:
    binding = {"role": given["role"], "members": [given["member"]]}
    if "condition" in given:
        binding["condition"] = given["condition"]
    return {"policy": {"version": 3 if "condition" in given else 1, "bindings": [binding]}}


_JUDGES = {
    REPOSITORY: _judge_repository,
    REPOSITORY_MEMBER: _judge_repository_member,
    ACCOUNT: _judge_account,
    ACCOUNT_MEMBER: _judge_account_member,
}
