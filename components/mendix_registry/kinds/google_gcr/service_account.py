"""A Google service account that builders of some namespaces act as."""

# Pulumi's analyzer of components reads annotations as they are: they must not be strings.
from typing import NotRequired, TypedDict

import pulumi
from pulumi_gcp.serviceaccount import Account, IAMMember

from mendix_registry.component_inputs import component_inputs
from mendix_registry.kinds.google_gcr.grants import (
    ArtifactRepositoryReference,
    IamCondition,
    writers,
)
from mendix_registry.kinds.google_gcr.principals import WORKLOAD_IDENTITY_USER, pool_member
from mendix_registry.service_account import ServiceAccountArgs


class PushServiceAccountArgs(TypedDict):
    """Inputs of :class:`PushServiceAccount`."""

    project: pulumi.Input[str]
    """Id of the service account's project."""

    account_id: NotRequired[pulumi.Input[str]]
    """Its name: 6 to 30 lower-case letters, digits and dashes. Needed unless ``existing_email`` is given."""

    existing_email: NotRequired[pulumi.Input[str]]
    """E-mail address of one that exists and is left alone but for what it is granted."""

    import_id: NotRequired[str]
    """``projects/PROJECT/serviceAccounts/EMAIL`` of one that exists and is taken over, and then protected; ``project`` and
    ``account_id`` must be its own."""

    display_name: NotRequired[pulumi.Input[str]]
    """At most 100 bytes."""

    description: NotRequired[pulumi.Input[str]]
    """At most 256 bytes."""

    workload_pool: str
    """The cluster's workload identity pool, ``PROJECT.svc.id.goog``."""

    service_accounts: list[ServiceAccountArgs]
    """Exactly who may act as it."""

    repositories: list[ArtifactRepositoryReference]
    """Where it may push."""

    condition: NotRequired[IamCondition]
    """A condition on that."""

    grant: NotRequired[bool]
    """Whether the permissions are granted here. Default: true."""


class PushServiceAccount(pulumi.ComponentResource):
    """A service account, who may act as it (``roles/iam.workloadIdentityUser``, one member for each ServiceAccount) and where
    it may push (``roles/artifactregistry.writer`` on each repository, never on the project).

    It has no keys. A ServiceAccount uses it by the annotation ``iam.gke.io/gcp-service-account`` with ``email``.
    """

    email: pulumi.Output[str]
    """Its e-mail address, as Google gives it."""

    member: pulumi.Output[str]
    """``serviceAccount:`` and its address, as policies name it."""

    def __init__(self, name: str, args: PushServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "mendix-registry:index:PushServiceAccount", name, component_inputs(args, PushServiceAccountArgs), opts
        )
        self.account: Account | None = None
        if "existing_email" in args:
            self.email = pulumi.Output.from_input(args["existing_email"])
            self.member = pulumi.Output.concat("serviceAccount:", self.email)
            resource_name = pulumi.Output.concat("projects/", args["project"], "/serviceAccounts/", self.email)
        else:
            self.account = self._account(name, args)
            self.email, self.member = self.account.email, self.account.member
            resource_name = self.account.name
        self.users: dict[str, pulumi.Resource] = {}
        self.writers: dict[str, pulumi.Resource] = {}
        if args.get("grant", True):
            for subject in args["service_accounts"]:
                namespace, service_account = subject["namespace"], subject["name"]
                self.users[f"{namespace}/{service_account}"] = IAMMember(
                    f"{name}.{namespace}.{service_account}",
                    service_account_id=resource_name,
                    role=WORKLOAD_IDENTITY_USER,
                    member=pool_member(args["workload_pool"], namespace, service_account),
                    opts=pulumi.ResourceOptions(parent=self),
                )
            self.writers = writers(self, name, self.member, args["repositories"], args.get("condition"))
        self.register_outputs({"email": self.email, "member": self.member})

    def _account(self, name: str, args: PushServiceAccountArgs) -> Account:
        import_id = args.get("import_id")
        return Account(
            name,
            project=args["project"],
            account_id=args.get("account_id"),
            display_name=args.get("display_name"),
            description=args.get("description"),
            opts=pulumi.ResourceOptions(
                parent=self,
                import_=import_id,
                protect=True if import_id else None,
                # What others have written about an imported one stays.
                ignore_changes=["displayName", "description", "disabled"] if import_id else None,
            ),
        )
