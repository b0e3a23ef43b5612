"""Previews that no real program makes, or not in a test's time: of a thousand resources, with hostile names, of a program that
forgets to mark its secrets, of a single step. What real ones look like is in ``recorded``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.report.registries import ISSUER

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
PROJECT = "mendix-registry"

ECR_REPOSITORY = "aws:ecr/repository:Repository"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
KUBERNETES_SECRET = "kubernetes:core/v1:Secret"
JOB = "kubernetes:batch/v1:Job"
OPERATOR = "kubernetes:privatecloud.mendix.com/v1alpha1:OperatorConfigurationPatch"
NAMESPACE_COMPONENT = "mendix-registry:kubernetes:MendixNamespace"


@dataclass
class Stack:
    """Builds the preview of one stack."""

    name: str = "prod"
    config: dict[str, str] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    diagnostics: list[dict[str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return self.urn("pulumi:pulumi:Stack", f"{PROJECT}-{self.name}")

    def urn(self, type_: str, name: str, parent: str = "") -> str:
        prefix = parent.split("::")[2] + "$" if parent and "pulumi:pulumi:Stack" not in parent else ""
        return f"urn:pulumi:{self.name}::{PROJECT}::{prefix}{type_}::{name}"

    def setting(self, **values: Any) -> Stack:
        self.config |= {f"mendix-registry:{key}": json.dumps(value) for key, value in values.items()}
        return self

    def component(self, type_: str, name: str, op: str = "create", parent: str = "") -> str:
        return self.step(op, type_, name, parent, {} if op != "delete" else None, {} if op != "create" else None)

    def step(
        self,
        op: str,
        type_: str,
        name: str,
        parent: str = "",
        new: Mapping[str, Any] | None = None,
        old: Mapping[str, Any] | None = None,
        *,
        needs: Mapping[str, Sequence[str]] | None = None,
        outputs: Mapping[str, Any] | None = None,
        reasons: Sequence[str] = (),
        detailed: Mapping[str, str] | None = None,
        more_old: Mapping[str, Any] | None = None,
        more_new: Mapping[str, Any] | None = None,
    ) -> str:
        parent = parent or self.root
        urn = self.urn(type_, name, parent)
        custom = not type_.startswith("mendix-registry:")
        common: dict[str, Any] = {"urn": urn, "custom": custom, "type": type_, "parent": parent}
        dependencies = {"propertyDependencies": {k: list(v) for k, v in needs.items()}} if needs else {}
        entry: dict[str, Any] = {"op": op, "urn": urn}
        if old is not None:
            known = {**old, **(outputs or {})}
            entry["oldState"] = {
                **common,
                **({"id": name, "outputs": known} if custom else {}),
                "inputs": dict(old),
                **dependencies,
                **(more_old or {}),
            }
        if new is not None:
            entry["newState"] = {**common, "inputs": dict(new), **dependencies, **(more_new or {})}
        if reasons:
            entry["replaceReasons" if op == "replace" else "diffReasons"] = list(reasons)
        kinds = {path: {"kind": kind, "inputDiff": True} for path, kind in (detailed or {}).items()}
        entry["detailedDiff"] = kinds or None
        self.steps.append(entry)
        if type_ != "pulumi:pulumi:Stack":
            self.counts[op] = self.counts.get(op, 0) + 1
        return urn

    def say(self, severity: str, message: str, urn: str = "") -> None:
        self.diagnostics.append(
            {key: value for key, value in {"urn": urn, "message": message, "severity": severity}.items() if value}
        )

    def document(self, *, unchanged: int = 0) -> dict[str, Any]:
        root = {"urn": self.root, "custom": False, "type": "pulumi:pulumi:Stack"}
        old = {**root, "outputs": self.outputs} if self.outputs else None
        first: dict[str, Any] = {"op": "same" if old else "create", "urn": self.root, "newState": root}
        if old:
            first["oldState"] = old
        first["detailedDiff"] = None
        counts = dict(self.counts)
        counts[first["op"]] = counts.get(first["op"], 0) + 1
        if unchanged:
            counts["same"] = counts.get("same", 0) + unchanged
        digest = {
            "config": self.config,
            "steps": [first, *self.steps],
            "diagnostics": self.diagnostics,
            "duration": 2_400_000_000,
            "changeSummary": dict(sorted(counts.items())),
        }
        return {key: value for key, value in digest.items() if value}


def trust(*subjects: str, issuer: str = ISSUER, operator: str = "StringEquals", audience: bool = True) -> str:
    conditions: dict[str, Any] = {operator: {f"{issuer}:sub": list(subjects)}} if subjects else {}
    if audience:
        conditions.setdefault("StringEquals", {})[f"{issuer}:aud"] = "sts.amazonaws.com"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": conditions,
                }
            ],
        }
    )


def subject(namespace: str, account: str = "mendix-builder") -> str:
    return f"system:serviceaccount:{namespace}:{account}"


def push_policy(*repositories: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:CompleteLayerUpload",
                        "ecr:GetDownloadUrlForLayer",
                        "ecr:InitiateLayerUpload",
                        "ecr:PutImage",
                        "ecr:UploadLayerPart",
                    ],
                    "Resource": [repository_arn(name) for name in repositories],
                },
            ],
        }
    )


def repository_arn(name: str) -> str:
    return f"arn:aws:ecr:eu-west-1:123456789012:repository/{name}" if name != "*" else "*"


def repository(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfigurations": [{"encryptionType": "AES256"}],
        **more,
    }


def repository_outputs(name: str) -> dict[str, Any]:
    return {
        "arn": repository_arn(name),
        "repositoryUrl": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}",
    }


def job(
    namespace: str, host: str, repository: str, account: str = "mendix-builder", **environment: str
) -> dict[str, Any]:
    variables = {
        "PUSH_HOST": host,
        "REPOSITORY": repository,
        "CREDENTIALS": "identity",
        "INSECURE": "false",
        **environment,
    }
    secret = [{"name": "credentials", "secret": {"secretName": "mendix-registry"}}]
    return {
        "metadata": {"namespace": namespace},
        "spec": {
            "template": {
                "spec": {
                    "serviceAccountName": account,
                    "containers": [
                        {
                            "name": "push",
                            "image": "gcr.io/go-containerregistry/krane@sha256:" + "ab" * 32,
                            "env": [{"name": name, "value": value} for name, value in variables.items()],
                        }
                    ],
                    "volumes": secret if variables["CREDENTIALS"] == "secret" else [],
                }
            }
        },
    }


def namespace_side(
    stack: Stack, namespace: str, host: str, repository: str, op: str = "create", **annotations: str
) -> str:
    """ServiceAccount, OperatorConfiguration and builder Job of one namespace, all created or all deleted."""
    parent = stack.component(NAMESPACE_COMPONENT, namespace, op)

    def both(type_: str, name: str, inputs: dict[str, Any], under: str = parent) -> str:
        return stack.step(
            op, type_, name, under, inputs if op == "create" else None, inputs if op == "delete" else None
        )

    metadata = {"name": "mendix-builder", "namespace": namespace, "annotations": annotations}
    both(SERVICE_ACCOUNT, f"{namespace}-builder", {"metadata": metadata})
    configuration = stack.component(
        "mendix-registry:kubernetes:OperatorConfiguration", f"{namespace}-operator-configuration", op, parent
    )
    both(
        OPERATOR,
        f"{namespace}-operator-configuration",
        {
            "metadata": {"name": "mendix-operator-configuration", "namespace": namespace},
            "spec": {"registry": {"pushURL": host, "pullURL": host}},
        },
        configuration,
    )
    builder = stack.component("mendix-registry:kubernetes:BuilderJob", namespace, op, parent)
    both(JOB, f"{namespace}-push", job(namespace, host, repository), builder)
    return parent


ECR_HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
ECR = "mendix-registry:aws:AmazonEcr"


def ecr_namespace(
    stack: Stack, place: str, namespace: str, op: str = "create", *, known: bool = False, prefix: str = "mendixapps"
) -> None:
    """Repository, role and policy of one namespace (IRSA)."""
    name = f"{prefix}/{namespace}"
    create = op == "create"

    def either(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"new": inputs} if create else {"new": inputs, "old": inputs} if op == "same" else {"old": inputs}

    home = stack.step(
        op, ECR_REPOSITORY, namespace, place, outputs=repository_outputs(name), **either(repository(name))
    )
    role_inputs = {"name": f"mendix-{namespace}", "assumeRolePolicy": trust(subject(namespace))}
    arn = f"arn:aws:iam::123456789012:role/mendix-{namespace}"
    role = stack.step(op, ROLE, namespace, place, outputs={"arn": arn}, **either(role_inputs))
    policy = {"role": f"mendix-{namespace}", "policy": UNKNOWN if create and not known else push_policy(name)}
    stack.step(op, ROLE_POLICY, f"{namespace}-push", place, needs={"role": [role], "policy": [home]}, **either(policy))
    annotation = {"eks.amazonaws.com/role-arn": UNKNOWN if create and not known else arn}
    if op != "same":
        namespace_side(stack, namespace, ECR_HOST, name, op, **annotation)


def aws_stack(name: str = "prod", *namespaces: str) -> Stack:
    return Stack(name).setting(
        registry={"type": "amazon-ecr", "authentication": "irsa", "repository": "mendixapps/{namespace}"},
        namespaces=[{"name": each} for each in namespaces],
        cluster={"context": f"arn:aws:eks:eu-west-1:123456789012:cluster/{name}"},
    )


def outputs_of(*namespaces: str) -> dict[str, Any]:
    return {
        "registry": {"type": "amazon-ecr", "pushHost": ECR_HOST},
        "namespaces": {
            name: {
                "repository": f"mendixapps/{name}",
                "serviceAccount": "mendix-builder",
                "pushedAs": f"role mendix-{name}",
            }
            for name in namespaces
        },
    }


def thousand_changes() -> list[dict[str, Any]]:
    names = [f"team-{number:04d}" for number in range(167)]
    stack = aws_stack("fleet", *names)
    place = stack.component(ECR, "registry")
    for name in names:
        ecr_namespace(stack, place, name, known=True)
    return [stack.document()]


def hostile() -> list[dict[str, Any]]:
    stack = Stack("prod|<b>x</b>")
    evil = "</code><script>alert(1)</script><img src=x onerror=alert(2)> @everyone ``` `` ` | [a](javascript:alert(3)) \u202egnp"
    place = stack.component(ECR, f"registry\n\n# {evil}")
    stack.step(
        "create",
        ECR_REPOSITORY,
        f"{evil}\r\n/assign @root",
        place,
        repository("mendixapps/<u>orders</u>\n```\n</details>\n<h1>out</h1>"),
    )
    stack.step(
        "update",
        ROLE,
        "`\n-->\n<!-- mendix-registry-report:other -->",
        place,
        {
            "name": "a|b\\|c",
            "assumeRolePolicy": trust("system:serviceaccount:*:<svg onload=alert(4)>", operator="StringLike"),
        },
        {"name": "a|b\\|c", "assumeRolePolicy": trust(subject("<i>orders</i>", "</script><script>alert(5)</script>"))},
        reasons=["</summary><b>reason</b>"],
    )
    stack.step(
        "create",
        ROLE_POLICY,
        "policy",
        place,
        {"role": "a|b\\|c", "policy": push_policy("</script><script>alert(6)</script>", "x" * 5_000)},
    )
    stack.say(
        "error", f"error: \x1b[31mred\x1b[0m \x07 bell\n```\n</details>\n\n# out\n{evil}\n````\n~~~\n/close", stack.root
    )
    return [stack.document()]


def secrets_forgotten() -> list[dict[str, Any]]:
    """A program that marked nothing as secret."""
    stack = Stack("prod")
    stack.step(
        "update",
        KUBERNETES_SECRET,
        "pull",
        "",
        {"metadata": {"name": "pull", "namespace": "orders"}, "stringData": {"config": "hunter2-new"}},
        {"metadata": {"name": "pull", "namespace": "orders"}, "stringData": {"config": "hunter2-old"}},
        reasons=["stringData.config"],
        detailed={"stringData.config": "update"},
    )
    stack.step(
        "create",
        "docker:index/registry:Registry",
        "hub",
        "",
        {
            "username": "builder",
            "password": "hunter2-plain",
            "settings": json.dumps({"auths": {"h": {"auth": "aHVudGVyMi1hdXRo"}}, "token": "hunter2-json"}),
            "url": "https://builder:hunter2-url@registry.example.com/v2/",
            "env": [{"name": "REGISTRY_PASSWORD", "value": "hunter2-env"}],
            "key": "-----BEGIN RSA PRIVATE KEY-----\nhunter2-pem\n-----END RSA PRIVATE KEY-----",
            "secretName": "this-is-a-name",
        },
    )
    stack.say("info", "pushing with https://builder:hunter2-log@registry.example.com and password=hunter2-said")
    return [stack.document()]


CASES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    case.__name__: case for case in (thousand_changes, hostile, secrets_forgotten)
}


def fleet(namespaces: int = 1_000, stacks: int = 3, op: str = "same") -> list[dict[str, Any]]:
    """Stacks in which the same happens to all namespaces but two: by default nothing, as ``--show-sames`` lists it."""
    documents: list[dict[str, Any]] = []
    for number in range(stacks):
        names = [f"team-{index:04d}" for index in range(namespaces)]
        stack = aws_stack(f"fleet-{number}", *names)
        place = stack.urn(ECR, "registry")
        for index, name in enumerate(names):
            ecr_namespace(stack, place, name, {3: "create", 4: "delete"}.get(index, op), known=True, prefix=stack.name)
        documents.append(stack.document())
    return documents
