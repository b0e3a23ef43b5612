"""AWS IAM: what ties policies to roles and users."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.emulators.aws.model import member
from rehearsal.emulators.rules import Text
from rehearsal.provider_plugins.aws.iam import IamResource
from rehearsal.provider_plugins.aws.iam_documents import document_text
from rehearsal.provider_plugins.aws.resource import json_text
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, CloudError, Created, Input, Live


class _InlinePolicy(IamResource):
    """An inline policy of a role or a user; its id is ``owner:policy``."""

    owner: ClassVar[str]
    kind: ClassVar[str]
    tagged = False
    name = AutomaticName(longest=128, instead="namePrefix")

    def create(self, inputs: Properties) -> Created:
        name = inputs.get("name") or f"{inputs['namePrefix']}rehearsal"
        self._put(inputs[self.owner], name, inputs)
        return Created(f"{inputs[self.owner]}:{name}", {"name": name})

    def read(self, identity: str, state: Properties) -> Live | None:
        owner, colon, name = identity.partition(":")
        if not colon:
            raise CloudError(f"{identity!r} is no id of {self.type}: give {self.owner}:policy_name")
        live = self.found(f"Get{self.kind}Policy", state, **{f"{self.kind}Name": owner}, PolicyName=name)
        if live is None:
            return None
        inputs = {self.owner: owner, "name": name, "policy": document_text(live["PolicyDocument"])}
        return Live(identity, inputs, {"name": name})

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        owner, _, name = identity.partition(":")
        self._put(owner, name, new)

    def delete(self, identity: str, state: Properties) -> None:
        owner, _, name = identity.partition(":")
        self.found(f"Delete{self.kind}Policy", state, **{f"{self.kind}Name": owner}, PolicyName=name)

    def _put(self, owner: str, name: str, inputs: Properties) -> None:
        self.call(
            f"Put{self.kind}Policy",
            inputs,
            **{f"{self.kind}Name": owner},
            PolicyName=name,
            PolicyDocument=inputs["policy"],
        )


class RolePolicy(_InlinePolicy):
    type = "aws:iam/rolePolicy:RolePolicy"
    owner, kind = "role", "Role"
    inputs = {
        "name": Input(member("iam", "PutRolePolicy", "PolicyName"), replaces=True, conflicts=("namePrefix",)),
        "namePrefix": Input(Text(r"[\w+=,.@-]*", 1, 102), replaces=True),
        "policy": json_text(member("iam", "PutRolePolicy", "PolicyDocument")),
        "role": Input(member("iam", "PutRolePolicy", "RoleName"), required=True, replaces=True),
    }


class UserPolicy(_InlinePolicy):
    type = "aws:iam/userPolicy:UserPolicy"
    owner, kind = "user", "User"
    inputs = {
        "name": Input(member("iam", "PutUserPolicy", "PolicyName"), replaces=True, conflicts=("namePrefix",)),
        "namePrefix": Input(Text(r"[\w+=,.@-]*", 1, 102), replaces=True),
        "policy": json_text(member("iam", "PutUserPolicy", "PolicyDocument")),
        "user": Input(member("iam", "PutUserPolicy", "UserName"), required=True, replaces=True),
    }


class _Attachment(IamResource):
    """A managed policy attached to a role or a user; its id is ``owner/arn``, as an import gives it."""

    owner: ClassVar[str]
    kind: ClassVar[str]
    tagged = False

    def create(self, inputs: Properties) -> Created:
        owner, arn = inputs[self.owner], inputs["policyArn"]
        self.call(f"Attach{self.kind}Policy", inputs, **{f"{self.kind}Name": owner}, PolicyArn=arn)
        return Created(f"{owner}/{arn}")

    def read(self, identity: str, state: Properties) -> Live | None:
        owner, _, arn = identity.partition("/")
        found = self.found(f"ListAttached{self.kind}Policies", state, **{f"{self.kind}Name": owner}) or {}
        if arn not in [policy["PolicyArn"] for policy in found.get("AttachedPolicies", [])]:
            return None
        return Live(identity, {self.owner: owner, "policyArn": arn}, {})

    def delete(self, identity: str, state: Properties) -> None:
        owner, _, arn = identity.partition("/")
        self.found(f"Detach{self.kind}Policy", state, **{f"{self.kind}Name": owner}, PolicyArn=arn)


class RolePolicyAttachment(_Attachment):
    type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    owner, kind = "role", "Role"
    inputs = {
        "role": Input(member("iam", "AttachRolePolicy", "RoleName"), required=True, replaces=True),
        "policyArn": Input(member("iam", "AttachRolePolicy", "PolicyArn"), required=True, replaces=True),
    }


class UserPolicyAttachment(_Attachment):
    type = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
    owner, kind = "user", "User"
    inputs = {
        "user": Input(member("iam", "AttachUserPolicy", "UserName"), required=True, replaces=True),
        "policyArn": Input(member("iam", "AttachUserPolicy", "PolicyArn"), required=True, replaces=True),
    }
