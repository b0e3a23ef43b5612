"""What a registry or repository is like: tags, encryption, protection, who may read it."""

from __future__ import annotations

from collections.abc import Iterator

from access_documents.azure import plain_type, registries

from .iam import pinned_callers, principals, resource_statements
from .rule import Finding, Resource, Rule, flag, is_listed, mapping, sequence, strings

_ECR = "aws:ecr/repository:Repository"
_ECR_TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
_ECR_PUBLIC = "aws:ecrpublic/repository:Repository"
_ACR = "azure-native:containerregistry:Registry"
_GOOGLE = "gcp:artifactregistry/repository:Repository"


def _is_docker(resource: Resource) -> bool:
    return str(resource.inputs.get("format", "DOCKER")).upper() == "DOCKER"


def _immutable(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    if resource.type in (_ECR, _ECR_TEMPLATE):
        mode = inputs.get("imageTagMutability", "MUTABLE")
        if mode not in ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"):
            yield Finding(f"tags of {resource.name} can be overwritten.", "set imageTagMutability to IMMUTABLE.")
        if mode == "IMMUTABLE_WITH_EXCLUSION":
            allowed = resource.listed("mutableTags")
            for item in sequence(inputs.get("imageTagMutabilityExclusionFilters")):
                pattern = str(mapping(item).get("filter", ""))
                if not pattern.strip("*") or not is_listed(pattern, allowed):
                    yield Finding(
                        f"tags of {resource.name} that match {pattern} can be overwritten.",
                        "remove the exclusion, or list it in mutableTags where such tags are never deployed.",
                    )
    elif (
        resource.type == _GOOGLE
        and _is_docker(resource)
        and not mapping(inputs.get("dockerConfig")).get("immutableTags")
    ):
        yield Finding(f"tags of {resource.name} can be overwritten.", "set dockerConfig.immutableTags to true.")


IMMUTABLE_TAGS = Rule(
    name="immutable-tags",
    title="Tags are immutable",
    description=(
        "A tag names one image for ever: a tag that can be overwritten lets a later push change what already runs under it. "
        "(Azure's registries lock images one by one; there is nothing to require of the registry.)"
    ),
    remedy="Make tags immutable.",
    check=_immutable,
    severity="medium",
    settings={"mutableTags": strings("tag patterns of ECR that may be excluded", ["dev-*"])},
)


def _encrypted(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    own_key = bool(resource.settings.get("customerManagedKeys"))
    kind = plain_type(resource.type)
    if kind in (_ECR, _ECR_TEMPLATE):
        configurations = [mapping(item) for item in sequence(inputs.get("encryptionConfigurations"))]
        sorts = {str(item.get("encryptionType", "AES256")) for item in configurations}
        if not configurations or not sorts <= {"AES256", "KMS", "KMS_DSSE"}:
            yield Finding(f"{resource.name} does not set its encryption.", "set encryptionConfigurations.")
        elif own_key and not all(item.get("kmsKey") for item in configurations):
            yield Finding(f"{resource.name} is not encrypted by your own key.", "set encryption type KMS and kmsKey.")
    elif kind == _ACR and own_key and not mapping(inputs.get("encryption")).get("keyVaultProperties"):
        yield Finding(
            f"{resource.name} is not encrypted by your own key.",
            "set encryption.keyVaultProperties (Premium only).",
        )
    elif kind == _GOOGLE and own_key and not inputs.get("kmsKeyName"):
        yield Finding(f"{resource.name} is not encrypted by your own key.", "set kmsKeyName.")


ENCRYPTION = Rule(
    name="encryption-at-rest",
    title="Images are encrypted at rest",
    description=(
        "Images are encrypted at rest, and each repository sets how: the encryption of an ECR repository can never be changed "
        "later. Azure and Google always encrypt; with customerManagedKeys your own key is asked for everywhere."
    ),
    remedy="Set how images are encrypted.",
    check=_encrypted,
    severity="medium",
    settings={"customerManagedKeys": flag("whether every registry must use your own key")},
)


def _protected(resource: Resource) -> Iterator[Finding]:
    inputs = resource.inputs
    kind = plain_type(resource.type)
    if kind == _ECR and inputs.get("forceDelete") and not resource.protect:
        yield Finding(
            f"the repository {resource.name} is deleted with all its images when it leaves the stack.",
            "leave forceDelete out, so that only an empty repository can be deleted; or protect the resource.",
        )
    elif kind == _ACR and not resource.protect:
        yield Finding(
            f"the registry {resource.name} is deleted with all its images when it leaves the stack or is replaced.",
            "set deletionProtection in the stack file (the resource option protect).",
        )
    elif kind == _GOOGLE and not resource.protect and inputs.get("deletionPolicy") not in ("PREVENT", "ABANDON"):
        yield Finding(
            f"the repository {resource.name} is deleted with all its images when it leaves the stack or is replaced.",
            "set deletionProtection in the stack file (deletionPolicy PREVENT).",
        )


PROTECTED_REGISTRIES = Rule(
    name="protected-registries",
    title="Registries are protected from deletion",
    description=(
        "What holds images is protected from deletion: running apps are restarted from these images, and a renamed key in a "
        "stack file must not delete them."
    ),
    remedy="Turn deletion protection on.",
    check=_protected,
    severity="high",
)


def _anonymous(resource: Resource) -> Iterator[Finding]:
    for name, properties in registries(resource.type, resource.name, resource.inputs):
        if properties.get("anonymousPullEnabled"):
            yield Finding(
                f"everyone on the internet may pull from the registry {name}.", "set anonymousPullEnabled to false."
            )
    if resource.type == _ECR_PUBLIC:
        yield Finding(
            f"everyone on the internet may pull from the repository {resource.name}: ECR Public has no other repositories.",
            "use a private repository (aws:ecr/repository:Repository).",
        )
    for statement in resource_statements(resource):
        if "*" in principals(statement) and not pinned_callers(statement):
            yield Finding(
                f"{resource.name} allows every AWS account.",
                "name accounts or roles in Principal; or require aws:PrincipalOrgID, aws:PrincipalAccount, aws:PrincipalArn or "
                "aws:SourceAccount by StringEquals or ArnEquals, without a wildcard. Other conditions hold for strangers too.",
            )


NO_ANONYMOUS_ACCESS = Rule(
    name="no-anonymous-access",
    title="Anonymous pulls are off",
    description=(
        "Images are read by known identities only: an app's image holds its code and, often, more than its authors think."
    ),
    remedy="Turn anonymous pull off.",
    check=_anonymous,
    severity="high",
)
