"""What to try at the emulated AWS: IRSA, EKS Pod Identity and access keys, each with boto3 as AWS's own client.

The stock client's push is the stack's own Job; here the same steps are made with everything that must not work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias

from rehearsal.access_matrix.matrix import Attempt, RefusedError
from rehearsal.access_matrix.nodes import Node
from rehearsal.access_matrix.registry import Service, push_and_read_back
from rehearsal.access_matrix.tokens import Forger
from rehearsal.emulators.aws.client import ClientError, error_of, operator_client, session_client

AGENT_HOST = "agent.eks.mendix-rehearsal.internal"
NEIGHBOUR = "mendix-rehearsal-neighbour"
_IRSA_AUDIENCE, _POD_AUDIENCE = "sts.amazonaws.com", "pods.eks.amazonaws.com"


Credentials: TypeAlias = tuple[str, str, str | None]
"""Id and secret of an access key, and the session's token where it is one of a session."""


class TokenSource(Protocol):
    """The cluster's TokenRequest API, for ServiceAccounts that are made where they are missing."""

    def token(self, namespace: str, service_account: str, audience: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Builder:
    """Who pushes for a namespace, and where to: by its role, or by the access key (id and secret) that it has in a Secret."""

    namespace: str
    service_account: str
    repository: str
    role_arn: str
    key: tuple[str, str] = field(default=("", ""), repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """The stack: how it authenticates, its builders, its registry's host and region, hosts that are not its
    registry, and actions that
    the stack file asks for beside a push (removing one leaves the push possible)."""

    method: str
    builders: Sequence[Builder]
    host: str
    region: str
    audience: str
    other_region: str
    other_account: str
    optional: frozenset[str] = frozenset()


class Prover:
    """Makes the attempts. ``endpoint`` is the API for the operator, at which policies are changed and put back."""

    def __init__(
        self, target: Target, service: Service, endpoint: str, source: TokenSource, forger: Forger, node: Node
    ) -> None:
        self._target, self._service, self._endpoint = target, service, endpoint
        self._source, self._forger, self._node = source, forger, node

    def attempts(self) -> Iterator[Attempt]:
        """Everything to try, namespace by namespace."""
        for builder in self._target.builders:
            yield from self._keys(builder) if self._target.method == "static" else self._identity(builder)
            yield from self._places(builder)
            yield from self._permissions(builder)
            yield from self._nodes(builder)

    def _identity(self, builder: Builder) -> Iterator[Attempt]:
        namespace, name, audience = builder.namespace, builder.service_account, self._audience
        by = "sts" if self._target.method == "irsa" else "pod-identity"
        own = partial(self._source.token, namespace, name, audience)
        subject = f"system:serviceaccount:{namespace}:{name}"

        def trial(what: str, token: Callable[[], str], because: str) -> Attempt:
            return Attempt(namespace, what, False, lambda: self._push(builder, token()), by, because)

        yield Attempt(namespace, "its builder pushes and reads back", True, lambda: self._push(builder, own()))
        neighbour = partial(self._source.token, NEIGHBOUR, name, audience)
        yield trial("same ServiceAccount of a neighbour namespace", neighbour, NEIGHBOUR)
        yield trial(
            "another ServiceAccount of the namespace",
            partial(self._source.token, namespace, "default", audience),
            f"{namespace}:default" if by == "sts" else f"{namespace}/default",
        )
        yield trial(
            "a token for another audience", partial(self._source.token, namespace, name, "another-audience"), "audience"
        )
        yield trial("a token of another issuer", lambda: self._forger.other_issuer(own()), "another-cluster")
        yield trial("the same claims signed by another cluster", lambda: self._forger.other_cluster(own()), "key")
        yield trial("an expired token", lambda: self._forger.expired(own()), "expired")
        yield trial("a neighbour's token with the subject changed",
                    lambda: self._forger.tampered(neighbour(), subject), "signature")  # fmt: skip

    def _keys(self, builder: Builder) -> Iterator[Attempt]:
        """Whoever has the key has its rights: only keys that are none are to be refused."""
        identity, secret = builder.key
        own = partial(self._push_with_key, builder)
        yield Attempt(builder.namespace, "its access key pushes and reads back", True, own)
        trials: list[tuple[str, Callable[[], object], str]] = [
            ("its key with another secret", partial(own, (identity, f"{secret[:-1]}{'a' * (secret[-1] != 'a')}b")), "signature"),
            ("an unknown key", partial(own, ("AKIAREHEARSALNOBODYS", secret)), "invalid"),
            ("its key made inactive", partial(self._push_while_inactive, builder), "invalid"),
        ]  # fmt: skip
        for what, run, because in trials:
            yield Attempt(builder.namespace, what, False, run, "ecr", because)

    def _nodes(self, builder: Builder) -> Iterator[Attempt]:
        """The nodes' role reads, and no more."""
        host, namespace = self._target.host, builder.namespace
        push = partial(self._node.push, host, builder.repository)
        yield Attempt(namespace, "the nodes read", True, partial(self._read_as_node, builder))
        yield Attempt(namespace, "the nodes push", False, push, "ecr", "not authorized to perform")

    def _read_as_node(self, builder: Builder) -> None:
        host = self._target.host
        self._node.pull(host, builder.repository, self._push_as_builder(builder, host, builder.repository))

    def _places(self, builder: Builder) -> Iterator[Attempt]:
        others = [other.repository for other in self._target.builders if other.repository != builder.repository]
        other = others[0] if others else f"{builder.repository}-of-another"
        where: list[tuple[str, str, str]] = [
            ("another repository", self._target.host, other),
            ("the same repository in another region", self._target.other_region, builder.repository),
            ("the same repository in another account", self._target.other_account, builder.repository),
        ]
        for what, host, repository in where:
            run = partial(self._push_as_builder, builder, host, repository)
            yield Attempt(builder.namespace, what, False, run, "ecr", "not authorized to perform")

    def _permissions(self, builder: Builder) -> Iterator[Attempt]:
        """After removing each single permission the push must fail: none is surplus."""
        if not builder.role_arn and not builder.key[0]:
            # No identity that could have permissions: by then it is reported that the builder does not push.
            return
        iam = self._iam()
        kind, name = self._principal(builder)
        whose = {f"{kind}Name": name}
        for policy in getattr(iam, f"list_{kind.lower()}_policies")(**whose)["PolicyNames"]:
            get = getattr(iam, f"get_{kind.lower()}_policy")
            put = partial(getattr(iam, f"put_{kind.lower()}_policy"), **whose, PolicyName=policy)
            document: dict[str, Any] = get(**whose, PolicyName=policy)["PolicyDocument"]
            for action in sorted(actions(document)):
                run = partial(self._without, put, document, action, builder)
                surplus = action in self._target.optional
                yield Attempt(builder.namespace, f"without {action}", surplus, run, "ecr", action)

    def _without(self, put: Callable[..., object], document: Mapping[str, Any], action: str, builder: Builder) -> None:
        put(PolicyDocument=json.dumps(without(document, action)))
        try:
            self._push_as_builder(builder, self._target.host, builder.repository)
        finally:
            put(PolicyDocument=json.dumps(document))

    def _principal(self, builder: Builder) -> tuple[str, str]:
        """``Role`` or ``User``, and its name."""
        if self._target.method != "static":
            return "Role", builder.role_arn.rpartition("/")[2]
        return "User", str(self._iam().get_access_key_last_used(AccessKeyId=builder.key[0])["UserName"])

    def _push_while_inactive(self, builder: Builder) -> None:
        change = partial(
            self._iam().update_access_key, AccessKeyId=builder.key[0], UserName=self._principal(builder)[1]
        )
        change(Status="Inactive")
        try:
            self._push_with_key(builder)
        finally:
            change(Status="Active")

    def _iam(self) -> Any:
        return operator_client("iam", self._target.region, self._endpoint, str(self._service.authority))

    @property
    def _audience(self) -> str:
        return self._target.audience if self._target.method == "irsa" else _POD_AUDIENCE

    def _push_as_builder(self, builder: Builder, host: str, repository: str) -> str:
        if self._target.method == "static":
            return self._push_with_key(builder, host=host, repository=repository)
        token = self._source.token(builder.namespace, builder.service_account, self._audience)
        return self._push(builder, token, host, repository)

    def _push_with_key(
        self, builder: Builder, key: tuple[str, str] | None = None, host: str = "", repository: str = ""
    ) -> str:
        return self._push_with(builder, lambda: (*(key or builder.key), None), host, repository)

    def _push(self, builder: Builder, token: str, host: str = "", repository: str = "") -> str:
        """Credentials for the token, the registry's token for the credentials, the push."""
        if self._target.method == "irsa":
            return self._push_with(builder, lambda: self._web_identity(builder.role_arn, token), host, repository)
        return self._push_with(builder, lambda: self._pod_identity(token), host, repository)

    def _push_with(self, builder: Builder, login: Callable[[], Credentials], host: str, repository: str) -> str:
        try:
            credentials = login()
            ecr = session_client("ecr", self._target.region, self._endpoint, str(self._service.authority), credentials)
            entry = ecr.get_authorization_token()["authorizationData"][0]
        except ClientError as error:
            code, message, _ = error_of(error)
            raise RefusedError(f"{code}: {message}") from error
        authorization = {"authorization": f"Basic {entry['authorizationToken']}"}
        return push_and_read_back(
            self._service, host or self._target.host, repository or builder.repository, authorization
        )

    def _web_identity(self, role_arn: str, token: str) -> Credentials:
        sts = session_client("sts", self._target.region, self._endpoint, str(self._service.authority), None)
        found = sts.assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName="prove", WebIdentityToken=token)
        issued = found["Credentials"]
        return issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"]

    def _pod_identity(self, token: str) -> Credentials:
        with self._service.client(AGENT_HOST) as client:
            answer = client.get("/v1/credentials", headers={"authorization": token})
        if answer.is_error:
            raise RefusedError(f"{answer.status_code} {answer.text}")
        issued = answer.json()
        return issued["AccessKeyId"], issued["SecretAccessKey"], issued["Token"]


def actions(document: Mapping[str, Any]) -> set[str]:
    """Every action that a document's Allow statements name."""
    found: set[str] = set()
    for statement in document["Statement"]:
        named = statement.get("Action", [])
        if statement["Effect"] == "Allow":
            found |= {named} if isinstance(named, str) else set(named)
    return found


def without(document: Mapping[str, Any], action: str) -> dict[str, Any]:
    """The document without one action; a statement that has no other goes, since IAM refuses empty ones."""
    kept: list[dict[str, Any]] = []
    for statement in document["Statement"]:
        named = statement["Action"]
        left = [item for item in ([named] if isinstance(named, str) else named) if item != action]
        if left:
            kept.append({**statement, "Action": left})
    return {**document, "Statement": kept}
