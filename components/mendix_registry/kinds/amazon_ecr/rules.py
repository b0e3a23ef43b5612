"""Rules of Amazon ECR: regions and hosts, repositories, and what IAM would reject."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mendix_registry.kinds.amazon_ecr import identity_rules as aws_identity
from mendix_registry.kinds.amazon_ecr import lifecycle_rules as ecr_lifecycle
from mendix_registry.kinds.amazon_ecr import plan as ecr_plan
from mendix_registry.kinds.amazon_ecr.partitions import FIPS_REGIONS, PARTITIONS, partition_of
from mendix_registry.kinds.amazon_ecr.settings import AmazonEcrRegistry, StaticKeys
from mendix_registry.kinds.amazon_ecr.values import arn_parts
from mendix_registry.settings import copy_permission, image_name_template, repeated_tag
from mendix_registry.settings.places import NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.stack import Namespace, Settings

REPOSITORIES: Location = (*REGISTRY, "repositories")


def check(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Problem]:
    """Every problem of the kind ``amazon-ecr``."""
    yield from _location(registry)
    yield from _transport(registry)
    yield from _names(settings, registry)
    yield from _ownership(settings, registry)
    yield from _encryption(registry)
    yield from _hygiene(registry)
    yield from ecr_lifecycle.check(settings, registry, (*REPOSITORIES, "lifecycle"))
    yield from _templates(settings, registry)
    yield from aws_identity.check(settings, registry)


def check_copy(
    settings: Settings, registry: AmazonEcrRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """The namespace's role or user may push to its own repository, and below it where a push creates repositories."""
    yield from copy_permission.repository_problems(
        namespace,
        settings.repository(namespace),
        repository,
        at,
        below=registry.repositories.create_on_push,
        key="registry.repositories.createOnPush",
        foreign=_foreign(registry, namespace.name),
    )


def _foreign(registry: AmazonEcrRegistry, namespace: str) -> bool:
    """Whether someone else created the namespace's role or user."""
    method = registry.authentication
    if isinstance(method, StaticKeys):
        users = method.users
        return method.existing_key is not None or namespace in users.existing or namespace in users.import_
    return ecr_plan.existing_role(method.roles, namespace) is not None or namespace in method.roles.import_


ECR016 = Rule(
    "ECR016",
    "the region {region} belongs to the partition {actual}, not to {partition}",
    "ARNs and the registry's host would name something that does not exist",
    "remove the key: the region determines the partition",
)
ECR017 = Rule(
    "ECR017",
    "the partition {known} has no dual-stack host",
    "Mendix's build would not recognise the host as ECR, and push without a token",
    "use endpoint: standard",
)
ECR018 = Rule(
    "ECR018",
    "ECR has no FIPS host in {region}",
    "its name would not resolve",
    f"use endpoint: standard, or a region of {', '.join(sorted(FIPS_REGIONS))}",
)


def _location(registry: AmazonEcrRegistry) -> Iterator[Problem]:
    region, partition = registry.region, registry.partition
    if region and partition and partition_of(region) != partition:
        yield ECR016.at((*REGISTRY, "partition"), region=region, actual=partition_of(region), partition=partition)
        return
    known = registry.known_partition
    if registry.endpoint.endswith("dual-stack") and known and PARTITIONS[known].dual_stack_suffix is None:
        yield ECR017.at((*REGISTRY, "endpoint"), known=known)
    if registry.endpoint.startswith("fips") and region and region not in FIPS_REGIONS:
        yield ECR018.at((*REGISTRY, "endpoint"), region=region)


ECR019 = Rule(
    "ECR019",
    "Amazon ECR is only reached by https",
    "an unverified certificate would let anyone between take the login token",
    "remove the key; behind a proxy that breaks TLS open, give its authority as caCertificate",
)


def _transport(registry: AmazonEcrRegistry) -> Iterator[Problem]:
    if registry.transport.insecure is True:
        yield ECR019.at((*REGISTRY, "transport", "insecure"))


ECR020 = Rule(
    "ECR020",
    "the length of the repository {name!r} is {length}",
    "ECR accepts 2 to 256 characters",
    "write it as <prefix>/{{namespace}}",
)


def _names(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, namespace in enumerate(settings.namespaces):
        name = settings.repository(namespace)
        place: Location = (*NAMESPACES, index, "repository") if namespace.repository else (*REGISTRY, "repository")
        if not 2 <= len(name) <= 256 and name not in seen:
            seen.add(name)
            yield ECR020.at(place, name=name, length=len(name))
    if registry.repositories.create_on_push:
        yield from _nested(ecr_plan.repositories(settings))


ECR021 = Rule(
    "ECR021",
    "the repository {name!r} lies below {outer!r}",
    "who may create below {outer!r} could push to {name!r}, another namespace's",
    "give the namespaces repositories of which none begins with another's, such as mendixapps/{{namespace}}",
)


def _nested(names: tuple[str, ...]) -> Iterator[Problem]:
    known = set(names)
    for name in names:
        parts = name.split("/")
        for count in range(1, len(parts)):
            outer = "/".join(parts[:count])
            if outer in known:
                yield ECR021.at((*REPOSITORIES, "createOnPush"), name=name, outer=outer)
                return


ECR022 = Rule(
    "ECR022",
    "{name!r} is the repository of no namespace of this stack",
    "it would have no effect",
    "the stack's repositories are {listed}",
)
ECR023 = Rule(
    "ECR023",
    "{name!r} is also under existing",
    "a repository is either left as it is or taken over",
    "remove it from one of the two lists",
)
ECR024 = Rule(
    "ECR024",
    "repositories that are taken over get this lifecycle policy in place of the one they have",
    "ECR replaces it without a word, and deletes within a day what the new one names, images that run among it",
    "leave the key out for the take-over; 'aws ecr get-lifecycle-policy --repository-name <name>' shows theirs",
    Severity.WARNING,
)
ECR025 = Rule(
    "ECR025",
    "with create: false all repositories exist",
    "the list would have no effect",
    "remove the list, or create: false",
)


def _ownership(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Problem]:
    options = registry.repositories
    known = ecr_plan.repositories(settings)
    listed = ", ".join(known[:5]) + (" …" if len(known) > 5 else "")
    for key, names in (("existing", options.existing), ("import", options.import_)):
        for index, name in enumerate(names):
            if name not in known:
                yield ECR022.at((*REPOSITORIES, key, index), name=name, listed=listed)
    for name in sorted(set(options.existing) & set(options.import_)):
        yield ECR023.at((*REPOSITORIES, "import", options.import_.index(name)), name=name)
    if options.import_ and options.lifecycle_is_given:
        yield ECR024.at((*REPOSITORIES, "lifecycle"))
    if not options.create and options.existing:
        yield ECR025.at((*REPOSITORIES, "existing"))


ECR026 = Rule(
    "ECR026",
    "a KMS key is given, but the type is AES256",
    "images would not be encrypted with it",
    "set type: KMS, or remove the key",
)
ECR027 = Rule(
    "ECR027",
    "the key is in {key_region}, the registry in {region}",
    "ECR accepts only a key of the registry's region",
    "give a key of that region (a multi-region key's replica has its own ARN)",
)


def _encryption(registry: AmazonEcrRegistry) -> Iterator[Problem]:
    encryption = registry.repositories.encryption
    at = (*REPOSITORIES, "encryption", "key")
    if encryption.key is None:
        return
    if encryption.type == "AES256":
        yield ECR026.at(at)
    parts = arn_parts(encryption.key)
    if registry.region and parts["region"] != registry.region:
        yield ECR027.at(at, key_region=parts["region"], region=registry.region)


ECR028 = Rule("ECR028", "all tags are mutable already", "immutableTags is false", "remove one of the two keys")
ECR029 = Rule(
    "ECR029",
    "a tag can be moved to another image",
    "who may push can replace what runs under a tag",
    "leave the key out, and list tags that must move under mutableTags",
    Severity.WARNING,
)
ECR030 = Rule(
    "ECR030",
    "the role is only used with createOnPush",
    "it would have no effect",
    "remove it, or set createOnPush: true",
)


def _hygiene(registry: AmazonEcrRegistry) -> Iterator[Problem]:
    options = registry.repositories
    if options.mutable_tags and not options.immutable_tags:
        yield ECR028.at((*REPOSITORIES, "mutableTags"))
    if not options.immutable_tags:
        yield ECR029.at((*REPOSITORIES, "immutableTags"))
    if options.creation_role and not options.create_on_push:
        yield ECR030.at((*REPOSITORIES, "creationRole"))


ECR031 = Rule(
    "ECR031",
    "namespace {namespace!r} would push to {made}, which is not its repository {repository}",
    "its builder may push to that repository only",
    "begin the template with {{repository}}",
)
ECR032 = Rule(
    "ECR032",
    "it gives each app its own repository",
    "ECR requires that a repository exists before a push, unless a creation template creates it",
    "set registry.repositories.createOnPush: true, or keep the variables after the colon: "
    "{{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}",
)
ECR033 = Rule(
    "ECR033",
    "it gives each app its own repository, but builders may only create their namespace's",
    "the permission is for exactly that repository",
    "set registry.repositories.createOnPush: true, which extends it to what lies below",
)


def _templates(settings: Settings, registry: AmazonEcrRegistry) -> Iterator[Problem]:
    """Whether the repositories that the image name template makes are there, and may be pushed to."""
    if settings.operator_configuration.adopt == "none":
        return
    at: Location = (*OPERATOR, "imageNameTemplate")
    for namespace in settings.namespaces:
        template = settings.image_name_template(namespace)
        if template is None or list(image_name_template.syntax_problems(template, at)):
            return
        repository = settings.repository(namespace)
        rendered = [image_name_template.render(template, values) for values in image_name_template.DOCUMENTED]
        made = {image.repository for image in rendered}
        if made == {repository}:
            told = list(_repeated(registry, repository, template))
            yield from told
            if told:
                return
            continue
        if not all(name == repository or name.startswith(f"{repository}/") for name in made):
            yield ECR031.at(at, namespace=namespace.name, made=min(made), repository=repository)
            return
        if not registry.repositories.create_on_push and "create" not in registry.permissions:
            yield ECR032.at(at)
            return
        if not registry.repositories.create_on_push:
            yield ECR033.at(at)
            return
        told = list(_repeated(registry, None, template))
        yield from told
        if told:
            return


def _repeated(registry: AmazonEcrRegistry, repository: str | None, template: str) -> Iterator[Problem]:
    """Whether builds of one app would push one tag twice to ``repository``, or for None to one that a push creates."""
    options = registry.repositories
    own = repository is None or ecr_plan.is_managed(registry, repository)
    tags = {image_name_template.render(template, values).tag or "latest" for values in image_name_template.DOCUMENTED}
    if own and options.immutable_tags and not all(_is_mutable(tag, options.mutable_tags) for tag in tags):
        yield from repeated_tag.check(
            template,
            (*OPERATOR, "imageNameTemplate"),
            or_else="list its tags under registry.repositories.mutableTags, as in dev-*",
        )


def _is_mutable(tag: str, filters: Iterable[str]) -> bool:
    return any(re.fullmatch(".*".join(map(re.escape, text.split("*"))), tag) for text in filters)
