"""AWS IAM: roles and users, their policies, access keys, and the providers of web identities."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rehearsal.emulators.aws.model import member
from rehearsal.emulators.rules import Flag, Number, Text
from rehearsal.provider_plugins.aws.cloud import AwsError, tag_list, tag_map
from rehearsal.provider_plugins.aws.iam_documents import document_text
from rehearsal.provider_plugins.aws.resource import AwsResource, json_text, tags
from rehearsal.provider_plugins.framework.properties import Properties
from rehearsal.provider_plugins.framework.resource import AutomaticName, Created, Input, Live

PREFIXED = AutomaticName(longest=64, instead="namePrefix")
_NO_SUCH = frozenset({"NoSuchEntity"})


def _boundary(live: dict[str, Any]) -> str | None:
    found: dict[str, str] = live.get("PermissionsBoundary") or {}
    return found.get("PermissionsBoundaryArn")


class IamResource(AwsResource):
    service = "iam"
    gone = _NO_SUCH
    regional = False


class Role(IamResource):
    type = "aws:iam/role:Role"
    inputs = {
        "name": Input(member("iam", "CreateRole", "RoleName"), replaces=True, conflicts=("namePrefix",)),
        "namePrefix": Input(Text(r"[\w+=,.@-]*", 1, 38), replaces=True),
        "assumeRolePolicy": json_text(member("iam", "CreateRole", "AssumeRolePolicyDocument")),
        "description": Input(member("iam", "CreateRole", "Description")),
        "path": Input(member("iam", "CreateRole", "Path"), replaces=True, default="/"),
        "maxSessionDuration": Input(member("iam", "CreateRole", "MaxSessionDuration"), default=3600),
        "permissionsBoundary": Input(member("iam", "CreateRole", "PermissionsBoundary")),
        "forceDetachPolicies": Input(Flag(), default=False),
        "tags": tags(),
    }
    computed = ("arn", "createDate", "uniqueId", "tagsAll")
    changing = frozenset({"tagsAll"})
    name = PREFIXED

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            "CreateRole",
            inputs,
            RoleName=inputs.get("name") or _prefixed(inputs["namePrefix"]),
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description"),
            Path=inputs.get("path"),
            MaxSessionDuration=inputs.get("maxSessionDuration"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=tag_list(self.cloud.tags(inputs)),
        )
        return Created(made["Role"]["RoleName"])

    def read(self, identity: str, state: Properties) -> Live | None:
        found = self.found("GetRole", state, RoleName=identity)
        if found is None:
            return None
        live = found["Role"]
        listed = tag_map(live.get("Tags"))
        inputs: Properties = {
            "name": live["RoleName"],
            "assumeRolePolicy": document_text(live["AssumeRolePolicyDocument"]),
            "description": live.get("Description") or None,
            "path": live["Path"],
            "maxSessionDuration": live.get("MaxSessionDuration"),
            "permissionsBoundary": _boundary(live),
            "tags": self.own_tags(listed, state),
        }
        outputs = {
            "name": live["RoleName"],
            "arn": live["Arn"],
            "createDate": live["CreateDate"].isoformat(),
            "uniqueId": live["RoleId"],
            "tagsAll": listed,
        }
        return Live(identity, inputs, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        # A name that was made from a prefix is known to no one.
        return self.existing(inputs["name"], inputs) if inputs.get("name") else None

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        if old.get("assumeRolePolicy") != new["assumeRolePolicy"]:
            self.call("UpdateAssumeRolePolicy", old, RoleName=identity, PolicyDocument=new["assumeRolePolicy"])
        if any(old.get(key) != new.get(key) for key in ("description", "maxSessionDuration")):
            self.call(
                "UpdateRole",
                old,
                RoleName=identity,
                Description=new.get("description") or "",
                MaxSessionDuration=new.get("maxSessionDuration"),
            )
        boundary = new.get("permissionsBoundary")
        if old.get("permissionsBoundary") != boundary:
            if boundary:
                self.call("PutRolePermissionsBoundary", old, RoleName=identity, PermissionsBoundary=boundary)
            else:
                self.call("DeleteRolePermissionsBoundary", old, RoleName=identity)
        before, after = self.cloud.tags(old), self.cloud.tags(new)
        if gone := sorted(set(before) - set(after)):
            self.call("UntagRole", old, RoleName=identity, TagKeys=gone)
        if before != after and after:
            self.call("TagRole", old, RoleName=identity, Tags=tag_list(after))

    def delete(self, identity: str, state: Properties) -> None:
        if state.get("forceDetachPolicies"):
            attached = self.found("ListAttachedRolePolicies", state, RoleName=identity) or {"AttachedPolicies": []}
            for policy in attached["AttachedPolicies"]:
                self.call("DetachRolePolicy", state, RoleName=identity, PolicyArn=policy["PolicyArn"])
            for policy in (self.found("ListRolePolicies", state, RoleName=identity) or {"PolicyNames": []})[
                "PolicyNames"
            ]:
                self.call("DeleteRolePolicy", state, RoleName=identity, PolicyName=policy)
        self.found("DeleteRole", state, RoleName=identity)


class User(IamResource):
    type = "aws:iam/user:User"
    inputs = {
        "name": Input(member("iam", "CreateUser", "UserName")),
        "path": Input(member("iam", "CreateUser", "Path"), default="/"),
        "permissionsBoundary": Input(member("iam", "CreateUser", "PermissionsBoundary")),
        "forceDestroy": Input(Flag(), default=False),
        "tags": tags(),
    }
    computed = ("arn", "uniqueId", "tagsAll")
    changing = frozenset({"arn", "tagsAll"})
    name = AutomaticName(longest=64)

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            "CreateUser",
            inputs,
            UserName=inputs["name"],
            Path=inputs.get("path"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=tag_list(self.cloud.tags(inputs)),
        )
        return Created(made["User"]["UserName"])

    def read(self, identity: str, state: Properties) -> Live | None:
        # A rename changes what the API calls it while the id in the state stays.
        found = self.found("GetUser", state, UserName=state.get("name") or identity)
        if found is None:
            return None
        live = found["User"]
        listed = tag_map(live.get("Tags"))
        inputs: Properties = {
            "name": live["UserName"],
            "path": live["Path"],
            "permissionsBoundary": _boundary(live),
            "tags": self.own_tags(listed, state),
        }
        return Live(identity, inputs, {"arn": live["Arn"], "uniqueId": live["UserId"], "tagsAll": listed})

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        return self.existing(inputs["name"], {})

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        if any(old.get(key) != new.get(key) for key in ("name", "path")):
            self.call("UpdateUser", old, UserName=old["name"], NewUserName=new["name"], NewPath=new.get("path"))
        boundary = new.get("permissionsBoundary")
        if old.get("permissionsBoundary") != boundary:
            if boundary:
                self.call("PutUserPermissionsBoundary", old, UserName=new["name"], PermissionsBoundary=boundary)
            else:
                self.call("DeleteUserPermissionsBoundary", old, UserName=new["name"])
        before, after = self.cloud.tags(old), self.cloud.tags(new)
        if gone := sorted(set(before) - set(after)):
            self.call("UntagUser", old, UserName=new["name"], TagKeys=gone)
        if before != after and after:
            self.call("TagUser", old, UserName=new["name"], Tags=tag_list(after))

    def delete(self, identity: str, state: Properties) -> None:
        name = state.get("name") or identity
        if state.get("forceDestroy"):
            for key in (self.found("ListAccessKeys", state, UserName=name) or {"AccessKeyMetadata": []})[
                "AccessKeyMetadata"
            ]:
                self.call("DeleteAccessKey", state, UserName=name, AccessKeyId=key["AccessKeyId"])
        self.found("DeleteUser", state, UserName=name)


class AccessKey(IamResource):
    type = "aws:iam/accessKey:AccessKey"
    tagged = False
    inputs = {
        "user": Input(member("iam", "CreateAccessKey", "UserName"), required=True, replaces=True),
        "status": Input(member("iam", "UpdateAccessKey", "Status"), default="Active"),
        "pgpKey": Input(Text(), replaces=True),
    }
    computed = ("createDate", "secret", "sesSmtpPasswordV4")
    secrets = frozenset({"secret", "sesSmtpPasswordV4"})
    # Its secret was given only once, to the plugin that was killed.
    importable = False

    @classmethod
    def check(cls, inputs: Properties) -> list[tuple[str, str]]:
        if inputs.get("pgpKey"):
            return [
                (
                    "pgpKey",
                    "the emulator does not encrypt for a PGP key; the state's own encryption protects the secret",
                )
            ]
        return []

    def create(self, inputs: Properties) -> Created:
        key = self.call("CreateAccessKey", inputs, UserName=inputs["user"])["AccessKey"]
        if inputs.get("status") == "Inactive":
            self._set_status(key["AccessKeyId"], inputs)
        return Created(key["AccessKeyId"], {"secret": key["SecretAccessKey"]})

    def read(self, identity: str, state: Properties) -> Live | None:
        found = self.found("ListAccessKeys", state, UserName=state.get("user"))
        keys = [key for key in (found or {}).get("AccessKeyMetadata", []) if key["AccessKeyId"] == identity]
        if not keys:
            return None
        created = keys[0]["CreateDate"].isoformat()
        return Live(identity, {"user": keys[0]["UserName"], "status": keys[0]["Status"]}, {"createDate": created})

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        found = self.found("ListAccessKeys", inputs, UserName=inputs["user"]) or {"AccessKeyMetadata": []}
        return next((key["AccessKeyId"] for key in found["AccessKeyMetadata"] if key["AccessKeyId"] not in known), None)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        self._set_status(identity, new)

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteAccessKey", state, UserName=state["user"], AccessKeyId=identity)

    def _set_status(self, identity: str, inputs: Properties) -> None:
        self.call("UpdateAccessKey", inputs, UserName=inputs["user"], AccessKeyId=identity, Status=inputs["status"])


class OpenIdConnectProvider(IamResource):
    type = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    inputs = {
        "url": Input(Text(r"https://.+", 1, 255), required=True, replaces=True),
        "clientIdLists": Input(
            member("iam", "CreateOpenIDConnectProvider", "ClientIDList"), required=True, unordered=True
        ),
        "thumbprintLists": Input(member("iam", "CreateOpenIDConnectProvider", "ThumbprintList")),
        "tags": tags(),
    }
    computed = ("arn", "tagsAll")
    changing = frozenset({"tagsAll"})

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            "CreateOpenIDConnectProvider",
            inputs,
            Url=inputs["url"],
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists"),
            Tags=tag_list(self.cloud.tags(inputs)),
        )
        return Created(made["OpenIDConnectProviderArn"])

    def read(self, identity: str, state: Properties) -> Live | None:
        live = self.found("GetOpenIDConnectProvider", state, OpenIDConnectProviderArn=identity)
        if live is None:
            return None
        listed = tag_map(live.get("Tags"))
        inputs: Properties = {
            "url": f"https://{live['Url'].removeprefix('https://')}",
            "clientIdLists": live.get("ClientIDList", []),
            "thumbprintLists": live.get("ThumbprintList") or None,
            "tags": self.own_tags(listed, state),
        }
        return Live(identity, inputs, {"arn": identity, "tagsAll": listed})

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        listed = self.call("ListOpenIDConnectProviders", inputs)["OpenIDConnectProviderList"]
        place = f":oidc-provider/{inputs['url'].removeprefix('https://').rstrip('/')}"
        return next((item["Arn"] for item in listed if item["Arn"].endswith(place)), None)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        before, after = set(old.get("clientIdLists") or []), set(new["clientIdLists"])
        for client in sorted(after - before):
            self.call("AddClientIDToOpenIDConnectProvider", old, OpenIDConnectProviderArn=identity, ClientID=client)
        for client in sorted(before - after):
            self.call(
                "RemoveClientIDFromOpenIDConnectProvider", old, OpenIDConnectProviderArn=identity, ClientID=client
            )
        if new.get("thumbprintLists") and old.get("thumbprintLists") != new["thumbprintLists"]:
            thumbprints = new["thumbprintLists"]
            self.call(
                "UpdateOpenIDConnectProviderThumbprint",
                old,
                OpenIDConnectProviderArn=identity,
                ThumbprintList=thumbprints,
            )

    def delete(self, identity: str, state: Properties) -> None:
        self.found("DeleteOpenIDConnectProvider", state, OpenIDConnectProviderArn=identity)


class Policy(IamResource):
    type = "aws:iam/policy:Policy"
    inputs = {
        "name": Input(member("iam", "CreatePolicy", "PolicyName"), replaces=True, conflicts=("namePrefix",)),
        "namePrefix": Input(Text(r"[\w+=,.@-]*", 1, 102), replaces=True),
        "policy": json_text(member("iam", "CreatePolicy", "PolicyDocument")),
        "description": Input(member("iam", "CreatePolicy", "Description"), replaces=True),
        "path": Input(Text(r"(/)|(/[!-~]+/)", 1, 512), replaces=True, default="/"),
        "delayAfterPolicyCreationInMs": Input(Number(0)),
        "tags": tags(),
    }
    computed = ("arn", "attachmentCount", "policyId", "tagsAll")
    changing = frozenset({"tagsAll"})
    name = AutomaticName(longest=128, instead="namePrefix")

    def create(self, inputs: Properties) -> Created:
        made = self.call(
            "CreatePolicy",
            inputs,
            PolicyName=inputs.get("name") or _prefixed(inputs["namePrefix"]),
            PolicyDocument=inputs["policy"],
            Description=inputs.get("description"),
            Path=inputs.get("path"),
            Tags=tag_list(self.cloud.tags(inputs)),
        )
        return Created(made["Policy"]["Arn"])

    def read(self, identity: str, state: Properties) -> Live | None:
        found = self.found("GetPolicy", state, PolicyArn=identity)
        if found is None:
            return None
        live = found["Policy"]
        version = self.call("GetPolicyVersion", state, PolicyArn=identity, VersionId=live["DefaultVersionId"])
        listed = tag_map(live.get("Tags"))
        inputs: Properties = {
            "name": live["PolicyName"],
            "policy": document_text(version["PolicyVersion"]["Document"]),
            "description": live.get("Description") or None,
            "path": live["Path"],
            "tags": self.own_tags(listed, state),
        }
        outputs = {
            "name": live["PolicyName"],
            "arn": identity,
            "attachmentCount": live.get("AttachmentCount", 0),
            "policyId": live["PolicyId"],
            "tagsAll": listed,
        }
        return Live(identity, inputs, outputs)

    def left_behind(self, inputs: Properties, known: Collection[str]) -> str | None:
        listed = self.call("ListPolicies", inputs, Scope="Local", PathPrefix=inputs.get("path"))["Policies"]
        return next((item["Arn"] for item in listed if item["PolicyName"] == inputs.get("name")), None)

    def update(self, identity: str, old: Properties, new: Properties) -> None:
        if old.get("policy") != new["policy"]:
            versions = self.call("ListPolicyVersions", old, PolicyArn=identity)["Versions"]
            spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
            # IAM keeps five versions; the real provider deletes an old one in the same way.
            if len(versions) >= 5:
                self.call(
                    "DeletePolicyVersion", old, PolicyArn=identity, VersionId=min(spare, key=lambda v: int(v[1:]))
                )
            self.call("CreatePolicyVersion", old, PolicyArn=identity, PolicyDocument=new["policy"], SetAsDefault=True)
        before, after = self.cloud.tags(old), self.cloud.tags(new)
        if gone := sorted(set(before) - set(after)):
            self.call("UntagPolicy", old, PolicyArn=identity, TagKeys=gone)
        if before != after and after:
            self.call("TagPolicy", old, PolicyArn=identity, Tags=tag_list(after))

    def delete(self, identity: str, state: Properties) -> None:
        for version in (self.found("ListPolicyVersions", state, PolicyArn=identity) or {"Versions": []})["Versions"]:
            if not version["IsDefaultVersion"]:
                self.call("DeletePolicyVersion", state, PolicyArn=identity, VersionId=version["VersionId"])
        self.found("DeletePolicy", state, PolicyArn=identity)


def _prefixed(prefix: str) -> str:
    import secrets

    return f"{prefix}{secrets.token_hex(13)}"


__all__ = ["AccessKey", "AwsError", "IamResource", "OpenIdConnectProvider", "Policy", "Role", "User"]
