"""Rules of the kind ``google-gcr``: host, path, repositories. ``identity_rules`` checks who pushes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mendix_registry.kinds.google_gcr import identity_rules as gcp_identity
from mendix_registry.kinds.google_gcr.settings import GCR_LOCATIONS, CleanupPolicy, GoogleRegistry, WorkloadIdentity
from mendix_registry.kinds.google_gcr.values import PROJECT_ID
from mendix_registry.settings import copy_permission, image_name_template, repeated_tag
from mendix_registry.settings.places import NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import split_host
from mendix_registry.settings.stack import Namespace, Settings

ARTIFACT_REGISTRY: Location = (*REGISTRY, "artifactRegistry")

_REPOSITORY_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""No primary source gives the grammar; this is what the console and gcloud take, dotted ``gcr.io`` names aside."""

MAXIMUM_CLEANUP_POLICIES = 10
"""Google's page "Cleanup policy overview"."""

_CLIENT_HOSTS = (".gcr.io", ".pkg.dev", ".google.com")
"""Hosts for which go-containerregistry asks Google for a token (``pkg/v1/google/keychain.go``, ``isGoogle``)."""


def check(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """Every problem of a registry at Google."""
    yield from _host(registry)
    yield from _paths(settings, registry)
    yield from _transport(registry)
    yield from _ownership(registry)
    yield from _encryption(registry)
    yield from _cleanup(registry)
    yield from _template(settings, registry)
    yield from gcp_identity.check(settings, registry)


def check_copy(
    settings: Settings, registry: GoogleRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """Google permits whole repositories of Artifact Registry: the namespace's own."""
    own = registry.address(settings.repository(namespace))
    if own is not None and registry.address(repository) != own:
        method = registry.authentication
        given = isinstance(method, WorkloadIdentity) and bool(method.existing or method.import_)
        foreign = given or not method.grant
        yield copy_permission.denied(namespace, own.name, repository, at, "begin it with {repository}", foreign=foreign)


GAR012 = Rule(
    "GAR012",
    "{name} is not one of the gcr.io names that Artifact Registry serves",
    "Container Registry was shut down in March 2025; only four of its names live on",
    f"write one of {', '.join(GCR_LOCATIONS)}, or LOCATION-docker.pkg.dev",
)
GAR013 = Rule(
    "GAR013",
    "{name} does not show where the repository is",
    "a repository belongs to one region or multi-region, whose name is part of every request about it",
    "write LOCATION-docker.pkg.dev as pushHost, or add location",
)
GAR014 = Rule(
    "GAR014",
    "{name} is served from {actual}, not from {location}",
    "the repository would be created where the host does not look",
    "remove location, or correct pushHost",
)
GAR015 = Rule(
    "GAR015",
    "the push client does not recognize {name} as a host of Google's",
    "krane and Mendix's build ask Google for a token only for gcr.io, *.gcr.io, *.pkg.dev and *.google.com; to other hosts "
    "they push anonymously",
    "use Google's own host name, or a client image that knows yours (builder.image)",
    Severity.WARNING,
)


def _host(registry: GoogleRegistry) -> Iterator[Problem]:
    at = (*REGISTRY, "pushHost")
    name = split_host(registry.push_host)[0]
    if name.endswith(".gcr.io") and name not in GCR_LOCATIONS:
        yield GAR012.at(at, name=name)
        return
    if registry.effective_location is None:
        yield GAR013.at((*REGISTRY, "location") if not name.endswith("pkg.dev") else at, name=name)
    elif registry.location and registry.location != registry.effective_location:
        yield GAR014.at(
            (*REGISTRY, "location"), name=name, actual=registry.effective_location, location=registry.location
        )
    if name != "gcr.io" and not name.endswith(_CLIENT_HOSTS):
        yield GAR015.at(at, name=name)


def _paths(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """``repository`` names a project and a repository that Google can have. Each place is reported once."""
    told: set[Location] = set()
    for index, namespace in enumerate(settings.namespaces):
        at: Location = (*NAMESPACES, index, "repository") if namespace.repository else (*REGISTRY, "repository")
        problem = _path_problem(registry, settings.repository(namespace), at)
        if problem and at not in told:
            told.add(at)
            yield problem


GAR016 = Rule(
    "GAR016",
    "{path!r} is not in the project {project}",
    "the path of an image at Google begins with its project",
    "begin it with {start}/",
)
GAR017 = Rule(
    "GAR017",
    "{first!r} is a project number",
    "image names have the project's id in them",
    "write the id: 'gcloud projects describe {first} --format=value(projectId)' prints it",
)
GAR018 = Rule(
    "GAR018",
    "{first!r} is not the id of a Google project",
    "the path of an image at Google is {form}; an id has 6 to 30 lower-case letters, digits and dashes",
    "begin the path with the project's id; if that has a colon in it, give it as registry.project too",
)
GAR019 = Rule(
    "GAR019",
    "{path!r} has too few parts",
    "at {host} the path of an image is {form}",
    "add what is missing, such as /apps at the end",
)
GAR020 = Rule(
    "GAR020",
    "the Artifact Registry repository {repository!r} {fault}",
    "it has 1 to 63 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash",
    "correct the second part of the path, or give this namespace its own repository (namespaces[].repository)",
)


def _path_problem(registry: GoogleRegistry, path: str, at: Location) -> Problem | None:
    first = path.split("/", 1)[0]
    start = registry.project.replace(":", "/") if registry.project else first
    form = "PROJECT/IMAGE" if registry.serves_gcr_name else "PROJECT/REPOSITORY/IMAGE"
    if registry.project and not path.startswith(f"{start}/"):
        return GAR016.at(at, path=path, project=registry.project, start=start)
    if first.isdigit():
        return GAR017.at(at, first=first)
    if not registry.project and not PROJECT_ID.fullmatch(first):
        return GAR018.at(at, first=first, form=form)
    if registry.effective_location is None:
        return None
    address = registry.address(path)
    if address is None:
        return GAR019.at(at, path=path, host=registry.push_host, form=form)
    if not registry.serves_gcr_name and not _REPOSITORY_ID.fullmatch(address.repository_id):
        length = len(address.repository_id)
        what = f"has {length} characters; at most 63 are allowed" if length > 63 else "is no name for one"
        return GAR020.at(at, repository=address.repository_id, fault=what)
    return None


GAR021 = Rule(
    "GAR021",
    "insecure: true makes no sense at Google, which is only reached by https",
    "the token that allows the push would be sent to whoever answers",
    "remove the key; for a proxy with its own certificate give transport.caCertificate",
)


def _transport(registry: GoogleRegistry) -> Iterator[Problem]:
    if registry.transport.insecure is True:
        yield GAR021.at((*REGISTRY, "transport", "insecure"))


GAR022 = Rule(
    "GAR022",
    "the repositories cannot both be kept as they are (existing) and taken over (import)",
    "",
    "remove one of the two keys",
)
GAR023 = Rule(
    "GAR023",
    "{key} has no effect on a repository that exists",
    "existing: true leaves everything about it to its owner",
    "remove the key, or write import: true to take the repository over",
)


def _ownership(registry: GoogleRegistry) -> Iterator[Problem]:
    """Existing or imported repositories, not both; nothing is asked of one that is not managed."""
    given = registry.artifact_registry
    if given.existing and given.import_:
        yield GAR022.at((*ARTIFACT_REGISTRY, "import"))
    elif given.existing:
        for name in sorted(given.model_fields_set - {"existing", "import_"}):
            key = type(given).model_fields[name].alias or name
            yield GAR023.at((*ARTIFACT_REGISTRY, key), key=key)


GAR024 = Rule(
    "GAR024",
    "the key is in {key_location}, the repository in {location}",
    "Artifact Registry accepts only a key of the repository's location",
    "name a key in {location}",
)


def _encryption(registry: GoogleRegistry) -> Iterator[Problem]:
    key, location = registry.artifact_registry.kms_key_name, registry.effective_location
    if key and location and key.split("/")[3] != location:
        yield GAR024.at((*ARTIFACT_REGISTRY, "kmsKeyName"), key_location=key.split("/")[3], location=location)


GAR025 = Rule(
    "GAR025",
    "there are {count} clean-up policies",
    f"a repository has at most {MAXIMUM_CLEANUP_POLICIES}",
    "join some: one policy accepts several prefixes",
)
GAR026 = Rule("GAR026", "there are {count} policies {policy!r}", "", "give each its own id")


def _cleanup(registry: GoogleRegistry) -> Iterator[Problem]:
    policies = registry.artifact_registry.cleanup.policies
    at = (*ARTIFACT_REGISTRY, "cleanup", "policies")
    if len(policies) > MAXIMUM_CLEANUP_POLICIES:
        yield GAR025.at(at, count=len(policies))
    seen = Counter(policy.id for policy in policies)
    for index, policy in enumerate(policies):
        if seen[policy.id] > 1:
            yield GAR026.at((*at, index, "id"), count=seen[policy.id], policy=policy.id)
            seen[policy.id] = 1
        yield from _policy(policy, (*at, index), immutable=registry.artifact_registry.immutable_tags)


GAR027 = Rule(
    "GAR027",
    "policy {policy!r} must have either condition or mostRecentVersions",
    "it selects the versions that the policy applies to",
    "give exactly one of the two",
)
GAR028 = Rule(
    "GAR028",
    "mostRecentVersions goes with action: keep only",
    "Artifact Registry rejects a policy that deletes the newest versions",
    "write action: keep, and another policy that deletes older ones",
)
GAR029 = Rule(
    "GAR029",
    "tagPrefixes needs tagState: tagged",
    "a version without a tag has no beginning of one",
    "add tagState: tagged",
)
GAR030 = Rule(
    "GAR030",
    "policy {policy!r} deletes every image, whatever its age",
    "running apps could not be started again on another node",
    "add olderThan, and a policy with action: keep for the newest versions",
)
GAR031 = Rule(
    "GAR031",
    "policy {policy!r} selects tagged versions, which immutable tags protect from deletion",
    "with immutable tags a tag can never be deleted, nor the image it names",
    "write tagState: untagged, or artifactRegistry.immutableTags: false",
)
GAR048 = Rule(
    "GAR048",
    "policy {policy!r} also selects tagged versions, which immutable tags protect from deletion",
    "with immutable tags a tag can never be deleted, nor the image it names",
    "write tagState: untagged, or artifactRegistry.immutableTags: false",
    Severity.WARNING,
)


def _policy(policy: CleanupPolicy, at: Location, *, immutable: bool) -> Iterator[Problem]:
    condition, recent = policy.condition, policy.most_recent_versions
    if (condition is None) == (recent is None):
        yield GAR027.at(at, policy=policy.id)
        return
    if recent is not None:
        if policy.action == "delete":
            yield GAR028.at((*at, "mostRecentVersions"))
        return
    assert condition is not None  # noqa: S101 - one of the two is there, as checked above
    if condition.tag_prefixes and condition.tag_state != "tagged":
        yield GAR029.at((*at, "condition", "tagPrefixes"))
    if policy.action == "keep":
        return
    if not condition.model_fields_set - {"tag_state"} and condition.tag_state != "untagged":
        yield GAR030.at((*at, "condition"), policy=policy.id)
    if immutable and condition.tag_state == "tagged":
        yield GAR031.at((*at, "condition", "tagState"), policy=policy.id)
    elif immutable and condition.tag_state != "untagged":
        yield GAR048.at((*at, "condition", "tagState"), policy=policy.id)


GAR032 = Rule(
    "GAR032",
    "builds of namespace {namespace!r} would push to {repository}",
    "their identity may only push to {permitted}",
    "begin the template with {{repository}}",
)


def _template(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """Mendix's own builds push where the builder may push, and each under a new tag where tags cannot move."""
    at = (*OPERATOR, "imageNameTemplate")
    if settings.operator_configuration.adopt == "none":
        return
    for namespace in settings.namespaces:
        template = settings.image_name_template(namespace)
        address = registry.address(settings.repository(namespace))
        if template is None or address is None or any(image_name_template.syntax_problems(template, at)):
            return
        rendered = image_name_template.render(template, image_name_template.DOCUMENTED[0])
        if registry.address(rendered.repository) != address:
            yield GAR032.at(at, namespace=namespace.name, repository=rendered.repository, permitted=address.name)
            return
        managed = not registry.artifact_registry.existing
        if managed and registry.artifact_registry.immutable_tags:
            told = list(repeated_tag.check(template, at, or_else="set registry.artifactRegistry.immutableTags: false"))
            yield from told
            if told:
                return
