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
from mendix_registry.settings.problems import Location, Problem, Severity
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


def _host(registry: GoogleRegistry) -> Iterator[Problem]:
    at = (*REGISTRY, "pushHost")
    name = split_host(registry.push_host)[0]
    if name.endswith(".gcr.io") and name not in GCR_LOCATIONS:
        yield Problem(
            "GAR012",
            at,
            f"{name} is not one of the gcr.io names that Artifact Registry serves",
            "Container Registry was shut down in March 2025; only four of its names live on",
            f"write one of {', '.join(GCR_LOCATIONS)}, or LOCATION-docker.pkg.dev",
        )
        return
    if registry.effective_location is None:
        yield Problem(
            "GAR013",
            (*REGISTRY, "location") if not name.endswith("pkg.dev") else at,
            f"{name} does not show where the repository is",
            "a repository belongs to one region or multi-region, whose name is part of every request about it",
            "write LOCATION-docker.pkg.dev as pushHost, or add location",
        )
    elif registry.location and registry.location != registry.effective_location:
        yield Problem(
            "GAR014",
            (*REGISTRY, "location"),
            f"{name} is served from {registry.effective_location}, not from {registry.location}",
            "the repository would be made where the host does not look",
            "remove location, or correct pushHost",
        )
    if name != "gcr.io" and not name.endswith(_CLIENT_HOSTS):
        yield Problem(
            "GAR015",
            at,
            f"the push client does not recognize {name} as a host of Google's",
            "krane and Mendix's build ask Google for a token only for gcr.io, *.gcr.io, *.pkg.dev and *.google.com; "
            "to other hosts they push anonymously",
            "use Google's own host name, or a client image that knows yours (builder.image)",
            Severity.WARNING,
        )


def _paths(settings: Settings, registry: GoogleRegistry) -> Iterator[Problem]:
    """``repository`` names a project and a repository that Google can have. Each place is reported once."""
    told: set[Location] = set()
    for index, namespace in enumerate(settings.namespaces):
        at: Location = (*NAMESPACES, index, "repository") if namespace.repository else (*REGISTRY, "repository")
        problem = _path_problem(registry, settings.repository(namespace), at)
        if problem and at not in told:
            told.add(at)
            yield problem


def _path_problem(registry: GoogleRegistry, path: str, at: Location) -> Problem | None:
    first = path.split("/", 1)[0]
    start = registry.project.replace(":", "/") if registry.project else first
    form = "PROJECT/IMAGE" if registry.serves_gcr_name else "PROJECT/REPOSITORY/IMAGE"
    if registry.project and not path.startswith(f"{start}/"):
        return Problem(
            "GAR016",
            at,
            f"{path!r} is not in the project {registry.project}",
            "the path of an image at Google begins with its project",
            f"begin it with {start}/",
        )
    if first.isdigit():
        return Problem(
            "GAR017",
            at,
            f"{first!r} is a project number",
            "image names have the project's id in them",
            f"write the id: 'gcloud projects describe {first} --format=value(projectId)' prints it",
        )
    if not registry.project and not PROJECT_ID.fullmatch(first):
        return Problem(
            "GAR018",
            at,
            f"{first!r} is not the id of a Google project",
            f"the path of an image at Google is {form}; an id has 6 to 30 lower-case letters, digits and dashes",
            "begin the path with the project's id; if that has a colon in it, give it as registry.project too",
        )
    if registry.effective_location is None:
        return None
    address = registry.address(path)
    if address is None:
        return Problem(
            "GAR019",
            at,
            f"{path!r} has too few parts",
            f"at {registry.push_host} the path of an image is {form}",
            "add what is missing, such as /apps at the end",
        )
    if not registry.serves_gcr_name and not _REPOSITORY_ID.fullmatch(address.repository_id):
        length = len(address.repository_id)
        what = f"has {length} characters; at most 63 are allowed" if length > 63 else "is no name for one"
        return Problem(
            "GAR020",
            at,
            f"the Artifact Registry repository {address.repository_id!r} {what}",
            "it takes 1 to 63 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash",
            "correct the second part of the path, or give this namespace its own repository (namespaces[].repository)",
        )
    return None


def _transport(registry: GoogleRegistry) -> Iterator[Problem]:
    if registry.transport.insecure is True:
        yield Problem(
            "GAR021",
            (*REGISTRY, "transport", "insecure"),
            "insecure: true makes no sense at Google, which is only reached by https",
            "the token that allows the push would be sent to whoever answers",
            "remove the key; for a proxy with its own certificate give transport.caCertificate",
        )


def _ownership(registry: GoogleRegistry) -> Iterator[Problem]:
    """Existing or imported repositories, not both; nothing is asked of one that is not managed."""
    given = registry.artifact_registry
    if given.existing and given.import_:
        yield Problem(
            "GAR022",
            (*ARTIFACT_REGISTRY, "import"),
            "the repositories cannot both be left alone (existing) and taken over (import)",
            "",
            "remove one of the two keys",
        )
    elif given.existing:
        for name in sorted(given.model_fields_set - {"existing", "import_"}):
            key = type(given).model_fields[name].alias or name
            yield Problem(
                "GAR023",
                (*ARTIFACT_REGISTRY, key),
                f"{key} has no effect on a repository that exists",
                "existing: true leaves everything about it to its owner",
                "remove the key, or write import: true to take the repository over",
            )


def _encryption(registry: GoogleRegistry) -> Iterator[Problem]:
    key, location = registry.artifact_registry.kms_key_name, registry.effective_location
    if key and location and key.split("/")[3] != location:
        yield Problem(
            "GAR024",
            (*ARTIFACT_REGISTRY, "kmsKeyName"),
            f"the key is in {key.split('/')[3]}, the repository in {location}",
            "Artifact Registry accepts only a key of the repository's location",
            f"name a key in {location}",
        )


def _cleanup(registry: GoogleRegistry) -> Iterator[Problem]:
    policies = registry.artifact_registry.cleanup.policies
    at = (*ARTIFACT_REGISTRY, "cleanup", "policies")
    if len(policies) > MAXIMUM_CLEANUP_POLICIES:
        yield Problem(
            "GAR025",
            at,
            f"there are {len(policies)} clean-up policies",
            f"a repository has at most {MAXIMUM_CLEANUP_POLICIES}",
            "join some: one policy takes several prefixes",
        )
    seen = Counter(policy.id for policy in policies)
    for index, policy in enumerate(policies):
        if seen[policy.id] > 1:
            yield Problem(
                "GAR026",
                (*at, index, "id"),
                f"there are {seen[policy.id]} policies {policy.id!r}",
                "",
                "give each its own id",
            )
            seen[policy.id] = 1
        yield from _policy(policy, (*at, index), immutable=registry.artifact_registry.immutable_tags)


def _policy(policy: CleanupPolicy, at: Location, *, immutable: bool) -> Iterator[Problem]:
    condition, recent = policy.condition, policy.most_recent_versions
    if (condition is None) == (recent is None):
        yield Problem(
            "GAR027",
            at,
            f"policy {policy.id!r} must have either condition or mostRecentVersions",
            "it selects the versions that the policy applies to",
            "give exactly one of the two",
        )
        return
    if recent is not None:
        if policy.action == "delete":
            yield Problem(
                "GAR028",
                (*at, "mostRecentVersions"),
                "mostRecentVersions goes with action: keep only",
                "Artifact Registry refuses a policy that deletes the newest versions",
                "write action: keep, and another policy that deletes older ones",
            )
        return
    assert condition is not None  # noqa: S101 - one of the two is there, as checked above
    if condition.tag_prefixes and condition.tag_state != "tagged":
        yield Problem(
            "GAR029",
            (*at, "condition", "tagPrefixes"),
            "tagPrefixes needs tagState: tagged",
            "a version without a tag has no beginning of one",
            "add tagState: tagged",
        )
    if policy.action == "keep":
        return
    if not condition.model_fields_set - {"tag_state"} and condition.tag_state != "untagged":
        yield Problem(
            "GAR030",
            (*at, "condition"),
            f"policy {policy.id!r} deletes every image, whatever its age",
            "running apps could not be started again on another node",
            "add olderThan, and a policy with action: keep for the newest versions",
        )
    if immutable and condition.tag_state != "untagged":
        yield Problem(
            "GAR031",
            (*at, "condition", "tagState"),
            f"policy {policy.id!r} also selects tagged versions, which immutable tags protect from deletion",
            "with immutable tags a tag can never be deleted, nor the image it names",
            "write tagState: untagged, or artifactRegistry.immutableTags: false",
            Severity.ERROR if condition.tag_state == "tagged" else Severity.WARNING,
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
            yield Problem(
                "GAR032",
                at,
                f"builds of namespace {namespace.name!r} would push to {rendered.repository}",
                f"their identity may only push to {address.name}",
                "begin the template with {repository}",
            )
            return
        managed = not registry.artifact_registry.existing
        if managed and registry.artifact_registry.immutable_tags:
            told = list(repeated_tag.check(template, at, or_else="set registry.artifactRegistry.immutableTags: false"))
            yield from told
            if told:
                return
