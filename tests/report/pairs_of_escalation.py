"""Privileges that grow, trust that moves and clean-ups that begin: what, its inputs when it is safe, and when it is not."""

from __future__ import annotations

import json
from typing import Any

import previews

LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
CREDENTIAL = "azure-native:managedidentity:FederatedIdentityCredential"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
ACR = "azure-native:containerregistry:Registry"
DEPLOYMENT = "azure-native:resources:Deployment"
AR = "gcp:artifactregistry/repository:Repository"
AR_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
ROLES = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions/"
SCOPE = "/subscriptions/1/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
ORDERS = previews.repository_arn("mendixapps/orders")
MANAGED = ("AdministratorAccess", "IAMFullAccess", "AmazonEC2ContainerRegistryFullAccess", "PowerUserAccess")


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


def role(trust: str, **more: Any) -> dict[str, Any]:
    return {"name": "r", "assumeRolePolicy": trust, **more}


def policy(*more: dict[str, Any], on: str = ORDERS) -> dict[str, Any]:
    pushing = {"Effect": "Allow", "Action": ["ecr:PutImage", "ecr:BatchGetImage"], "Resource": on}
    return {"role": "r", "policy": document(pushing, *more)}


def allow(actions: list[str] | str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, **({"Resource": ORDERS} | more)}


def trust(operator: str, key: str, issuer: str = previews.ISSUER, audience: str = "sts.amazonaws.com") -> str:
    """A trust whose condition on ``key`` has this operator."""
    condition: dict[str, dict[str, str]] = {"StringEquals": {}}
    for name, value in (("sub", previews.subject("orders")), ("aud", audience)):
        condition.setdefault(operator if name == key else "StringEquals", {})[f"{issuer}:{name}"] = value
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )


def tagged(**operators: str) -> str:
    values = {"kubernetes-namespace": "orders", "kubernetes-service-account": "b", "eks-cluster-arn": "arn:c/prod"}
    condition: dict[str, dict[str, str]] = {}
    for tag, value in values.items():
        operator = operators.get(tag.replace("-", "_"), "StringEquals")
        if operator:
            condition.setdefault(operator, {})[f"aws:RequestTag/{tag}"] = value
    principal = {"Service": "pods.eks.amazonaws.com"}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition})


def credential(issuer: str = "https://a/1/", audience: str = "api://AzureADTokenExchange") -> dict[str, Any]:
    return {"resourceName": "i", "issuer": issuer, "subject": previews.subject("orders"), "audiences": [audience]}


def assignment(guid: str, condition: str = "", scope: str = SCOPE) -> dict[str, Any]:
    return {"scope": scope, "roleDefinitionId": ROLES + guid, **({"condition": condition} if condition else {})}


WRITER, PUSH = "2a1e307c-b015-4ebd-883e-5b7698a07328", "8311e382-0749-4cb8-b61a-304f252e45ec"

AZURE = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
}

ACR_ACTIONS = ("content/read", "content/write", "metadata/read", "metadata/write")
ACR_NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"


def narrowed(tests: str, *actions: str) -> str:
    """A condition as Microsoft's portal writes it: these actions, or all four of the Writer, only if the tests hold."""
    path = "Microsoft.ContainerRegistry/registries/repositories"
    others = " AND ".join(f"!(ActionMatches{{'{path}/{action}'}})" for action in actions or ACR_ACTIONS)
    return f"(({others}) OR ({tests}))"


def condition(operator: str, name: str = "a") -> str:
    return narrowed(f"{ACR_NAME} {operator} '{name}'")


def member(role: str, who: str = "serviceAccount:a@b.iam.gserviceaccount.com") -> dict[str, Any]:
    return {"role": role, "member": who}


def workload(pool: str = "acme.svc.id.goog") -> dict[str, Any]:
    return member("roles/iam.workloadIdentityUser", f"serviceAccount:{pool}[orders/mendix-builder]")


def bound(name: str, kind: str = "ClusterRole") -> dict[str, Any]:
    subject = {"kind": "ServiceAccount", "name": "builder", "namespace": "orders"}
    return {"metadata": {"namespace": "orders"}, "roleRef": {"kind": kind, "name": name}, "subjects": [subject]}


EXACT = role(previews.trust(previews.subject("orders")))

TRUST: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "another issuer": ("broad access", previews.ROLE, EXACT, role(trust("StringEquals", "sub", "oidc/id/EVIL"))),
    "another audience": ("broad access", previews.ROLE, EXACT, role(trust("StringEquals", "sub", audience="any"))),
    **{
        f"{operator} on the {key}": ("broad access", previews.ROLE, EXACT, role(trust(operator, key)))
        for operator in ("StringNotEquals", "ForAllValues:StringEquals", "StringEqualsIfExists", "StringNotLike")
        for key in ("sub", "aud")
    },
    **{
        f"{operator or 'nothing'} on the tag {tag}": (
            "broad access",
            previews.ROLE,
            role(tagged()),
            role(tagged(**{tag: operator})),
        )
        for operator in ("", "StringNotEquals")
        for tag in ("kubernetes_namespace", "kubernetes_service_account", "eks_cluster_arn")
    },
    "another service": (
        "broad access",
        previews.ROLE,
        role(document({"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}})),
        role(document({"Effect": "Allow", "Principal": {"Service": ["ecr.amazonaws.com", "ec2.amazonaws.com"]}})),
    ),
    "another issuer at Azure": ("broad access", CREDENTIAL, credential(), credential("https://evil/1/")),
    "another audience at Azure": ("broad access", CREDENTIAL, credential(), credential(audience="any")),
    "another pool at Google": ("broad access", ACCOUNT_MEMBER, workload(), workload("evil.svc.id.goog")),
}

PRIVILEGES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    **{
        f"attached {name}": (
            "broad access",
            ATTACHMENT,
            {"role": "r", "policyArn": PULL_ONLY},
            {"role": "r", "policyArn": f"arn:aws:iam::aws:policy/{name}"},
        )
        for name in MANAGED
    },
    "attached, content unknown": (
        "broad access",
        ATTACHMENT,
        {"role": "r", "policyArn": PULL_ONLY},
        {"role": "r", "policyArn": "arn:aws:iam::123456789012:policy/somebody"},
    ),
    "managedPolicyArns": (
        "broad access",
        previews.ROLE,
        {**EXACT, "managedPolicyArns": [PULL_ONLY]},
        {**EXACT, "managedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
    ),
    **{
        f"policy allows {action}": (
            "broad access",
            previews.ROLE_POLICY,
            policy(),
            policy(allow([action], Resource="arn:aws:iam::123456789012:role/r")),
        )
        for action in ("iam:*", "IAM:PassRole", "sts:AssumeRole", "s3:GetObject")
    },
    **{
        f"policy allows {action}": ("broad access", previews.ROLE_POLICY, policy(), policy(allow(action)))
        for action in ("ecr:Batch*", "ECR:*", "ecr:SetRepositoryPolicy", "e*", "ecr:BatchDeleteImag?")
    },
    "NotResource": (
        "broad access",
        previews.ROLE_POLICY,
        policy(),
        {"role": "r", "policy": document({"Effect": "Allow", "Action": "ecr:PutImage", "NotResource": "arn:x"})},
    ),
    "all namespaces": (
        "broad access",
        previews.ROLE_POLICY,
        policy(),
        policy(on=previews.repository_arn("mendixapps/*")),
    ),
    "a beginning of a name": ("broad access", previews.ROLE_POLICY, policy(), policy(on=f"{ORDERS}*")),
    "below its own, newly": (
        "broad access",
        previews.ROLE_POLICY,
        policy(),
        policy(allow("ecr:PutImage", Resource=f"{ORDERS}/*")),
    ),
    "another account's": (
        "broad access",
        REPOSITORY_POLICY,
        {"repository": "a", "policy": document({"Effect": "Allow", "Principal": {}, "Action": "ecr:PutImage"})},
        {
            "repository": "a",
            "policy": document(
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "ecr:PutImage"}
            ),
        },
    ),
    "cluster-admin": ("broad access", ROLE_BINDING, bound("system:image-builder"), bound("cluster-admin")),
    "admin of the namespace": ("broad access", ROLE_BINDING, bound("system:image-builder"), bound("admin")),
    "a role of that name, not the cluster's": (
        "broad access",
        ROLE_BINDING,
        bound("system:image-builder"),
        bound("system:image-builder", "Role"),
    ),
    **{
        f"{name} at Azure": ("broad access", ASSIGNMENT, assignment(PUSH), assignment(guid))
        for name, guid in AZURE.items()
    },
    **{
        f"{operator} {name} in a condition": (
            "broad access",
            ASSIGNMENT,
            assignment(WRITER, condition("StringEquals")),
            assignment(WRITER, condition(operator, name)),
        )
        for operator, name in (("StringNotEquals", "a"), ("StringLike", "*"), ("StringStartsWith", "mendixapps/"))
    },
    **{
        f"{name} at Google": ("broad access", AR_MEMBER, member("roles/artifactregistry.writer"), member(name))
        for name in (
            "roles/artifactregistry.admin",
            "roles/artifactregistry.repoAdmin",
            "roles/owner",
            "roles/editor",
            "projects/p/roles/own",
        )
    },
    "a person acts as the account": (
        "broad access",
        ACCOUNT_MEMBER,
        workload(),
        member("roles/iam.workloadIdentityUser", "user:a@example.com"),
    ),
    "tokens of the account": (
        "broad access",
        ACCOUNT_MEMBER,
        workload(),
        {**workload(), "role": "roles/iam.serviceAccountTokenCreator"},
    ),
}


def lifecycle(number: int, status: str = "any", *more: dict[str, Any]) -> dict[str, Any]:
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": number}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return {"repository": "mendixapps/orders", "policy": json.dumps({"rules": [rule, *more]})}


def cleanup(*policies: dict[str, Any], dry: bool = False) -> dict[str, Any]:
    return {"repositoryId": "r", "cleanupPolicyDryRun": dry, "cleanupPolicies": list(policies)}


def delete(older: str) -> dict[str, Any]:
    return {"id": "a", "action": "DELETE", "condition": {"tagState": "ANY", "olderThan": older}}


def keep(count: int) -> dict[str, Any]:
    return {"id": "k", "action": "KEEP", "mostRecentVersions": {"keepCount": count}}


def retention(days: int, status: str = "enabled") -> dict[str, Any]:
    return {"policies": {"retentionPolicy": {"days": days, "status": status}}}


def deployed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"template": {"resources": [{"properties": properties}]}}}


def rule(count: str, number: int, action: str = "expire", status: str = "any", priority: int = 1) -> dict[str, Any]:
    selection = {"tagStatus": status, "countType": count, "countNumber": number, "countUnit": "days"}
    target = {"targetStorageClass": "archive"} if action == "transition" else {}
    return {"rulePriority": priority, "selection": selection, "action": {"type": action, **target}}


def rules(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"repository": "mendixapps/orders", "policy": json.dumps({"rules": list(listed)})}


def tags(mutability: str, *filters: str) -> dict[str, Any]:
    listed = [{"filterType": "WILDCARD", "filter": each} for each in filters]
    return {"imageTagMutability": mutability, "imageTagMutabilityExclusionFilters": listed}


IMMUTABLE, MUTABLE = "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"
KEPT, TAKEN = rule("imageCountMoreThan", 9, status="tagged"), rule("sinceImagePushed", 9, priority=2)
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"

TAGS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "every tag excluded": ("protection removed", previews.ECR_REPOSITORY, tags("IMMUTABLE"), tags(IMMUTABLE, "*")),
    "one filter more": (
        "protection removed",
        previews.ECR_REPOSITORY,
        tags(IMMUTABLE, "dev-*"),
        tags(IMMUTABLE, "dev-*", "v*"),
    ),
    "a shorter filter": (
        "protection removed",
        previews.ECR_REPOSITORY,
        tags(IMMUTABLE, "dev-*"),
        tags(IMMUTABLE, "d*"),
    ),
    "fewer immutable": ("protection removed", previews.ECR_REPOSITORY, tags(MUTABLE, "v*", "w*"), tags(MUTABLE, "v*")),
    "none immutable": ("protection removed", previews.ECR_REPOSITORY, tags(MUTABLE, "v*"), tags("MUTABLE")),
    "every tag excluded in a template": (
        "protection removed",
        TEMPLATE,
        tags(IMMUTABLE, "dev-*"),
        tags(IMMUTABLE, "*"),
    ),
}

LOSS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "one image kept of a thousand": ("data loss", LIFECYCLE, lifecycle(1000), lifecycle(1)),
    "tagged images deleted, too": (
        "data loss",
        LIFECYCLE,
        {"repository": "mendixapps/orders", "policy": '{"rules":[]}'},
        lifecycle(10, "tagged"),
    ),
    "moved to the archive": ("data loss", LIFECYCLE, rules(), rules(rule("sinceImagePushed", 90, "transition"))),
    "archived earlier": (
        "data loss",
        LIFECYCLE,
        rules(rule("sinceImagePulled", 90, "transition")),
        rules(rule("sinceImagePulled", 30, "transition")),
    ),
    "deleted instead of archived": (
        "data loss",
        LIFECYCLE,
        rules(rule("sinceImagePulled", 90, "transition")),
        rules(rule("sinceImagePulled", 90)),
    ),
    "by the last pull": (
        "data loss",
        LIFECYCLE,
        rules(),
        rules(rule("sinceImagePulled", 30)),
    ),
    "in a template": (
        "data loss",
        TEMPLATE,
        {"prefix": "a", "lifecyclePolicy": rules()["policy"]},
        {"prefix": "a", "lifecyclePolicy": rules(rule("sinceImagePulled", 30))["policy"]},
    ),
    "no dry run": ("data loss", AR, cleanup(delete("30d"), dry=True), cleanup(delete("30d"))),
    "a clean-up": ("data loss", AR, cleanup(), cleanup(delete("30d"))),
    "a younger clean-up": ("data loss", AR, cleanup(delete("2592000s")), cleanup(delete("1d"))),
    "fewer kept": ("data loss", AR, cleanup(delete("1d"), keep(9)), cleanup(delete("1d"), keep(1))),
    "retention": ("data loss", ACR, retention(7, "disabled"), retention(7)),
    "shorter retention": ("data loss", ACR, retention(30), retention(7)),
    "shorter retention by a deployment": ("data loss", DEPLOYMENT, deployed(retention(30)), deployed(retention(7))),
}
