"""The own rules of well-known registries, as data and checks.

Sources: Mendix's registry page (section 2.6.1) for Docker Hub, quay.io, JFrog, Nexus, Harbor and GitLab; Mendix's
supported registries for STACKIT, whose registry is Harbor (docs.stackit.cloud); goharbor.io and docs.gitlab.com for
robot accounts and deploy tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mendix_registry.kinds.generic.settings import PUBLIC_HOSTS, BasicAuthentication, GenericRegistry, Preset
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import split_host


@dataclass(frozen=True, slots=True)
class Rules:
    """What a registry demands.

    ``parts``: fewest and most path parts of a repository (None: no such
    limit). ``layout``: what the parts are. ``creates_repositories``: whether a push creates a missing repository.
    ``user``: what the user should be. ``anonymous_push``: whether it can be configured to take a push from anyone.
    """

    title: str
    parts: tuple[int, int | None]
    layout: str
    creates_repositories: bool
    user: str
    anonymous_push: bool = False


RULES: dict[Preset, Rules] = {
    Preset.DOCKER_HUB: Rules("Docker Hub", (2, 2), "<username>/<repository>", True, "the Docker Hub user"),
    Preset.QUAY: Rules(
        "quay.io", (2, 2), "<organisation>/<repository>", False, "a robot account <organisation>+<name>"
    ),
    Preset.JFROG: Rules(
        "JFrog Artifactory",
        (1, None),
        "<repository key>/<path>",
        True,
        "a user or an access token's user",
        anonymous_push=True,
    ),
    Preset.NEXUS: Rules(
        "Sonatype Nexus", (1, None), "<path>", True, "a user with add and edit privileges", anonymous_push=True
    ),
    Preset.HARBOR: Rules("Harbor", (2, None), "<project>/<repository>", True, "a robot account robot$<project>+<name>"),
    Preset.GITLAB: Rules(
        "GitLab", (2, None), "<group>/<project>[/<image>]", True, "a deploy token's user, such as gitlab+deploy-token-1"
    ),
    Preset.STACKIT: Rules(
        "STACKIT Container Registry",
        (2, None),
        "<project>/<repository>",
        True,
        "a robot account robot$<project>+<name>",
    ),
}

_NOT_THE_REGISTRY = {
    "docker.io": "clients rewrite it, but the credentials are looked up under the rewritten name",
    "hub.docker.com": "it is the web site, not the registry",
    "registry-1.docker.io": "it serves the data, but clients look up Docker Hub's credentials under another name",
}


def effective_preset(registry: GenericRegistry) -> Preset | None:
    """The preset of the stack file, or the one whose public host is given without naming the preset."""
    if registry.preset:
        return registry.preset
    return next((preset for preset, host in PUBLIC_HOSTS.items() if registry.push_host == host), None)


GNR006 = Rule("GNR006", "{host!r} is not the host of Docker Hub's registry", "{reason}", "write index.docker.io")


def host_problems(host: str, at: Location) -> Iterator[Problem]:
    """Names that look like Docker Hub's registry and are not."""
    reason = _NOT_THE_REGISTRY.get(host)
    if reason:
        yield GNR006.at(at, host=host, reason=reason)


GNR007 = Rule(
    "GNR007",
    "{title} is at {host}, not at {given!r}",
    "its preset's rules do not fit another registry",
    "remove pushHost, or the preset if this is a mirror of {title}",
)
GNR008 = Rule("GNR008", "the host is missing", "{title} runs under your own host name", "add pushHost")
GNR009 = Rule(
    "GNR009",
    "{title} accepts no anonymous push",
    "every build would fail with 401",
    "give username and password: {user}",
)
GNR010 = Rule(
    "GNR010",
    "{host!r} has no port",
    "Nexus answers image clients on a Docker connector's port (or a proxy's host), not under its web address",
    "add the connector's port, unless a proxy leads this host to it",
    Severity.WARNING,
)


def registry_problems(registry: GenericRegistry) -> Iterator[Problem]:
    """What the preset's registry would reject, apart from the repositories."""
    preset = effective_preset(registry)
    if preset is None:
        return
    rules = RULES[preset]
    at: Location = ("registry",)
    host = PUBLIC_HOSTS.get(preset)
    if host and registry.push_host not in (None, host, *_NOT_THE_REGISTRY):
        yield GNR007.at((*at, "pushHost"), title=rules.title, host=host, given=registry.push_host)
    if not host and registry.push_host is None:
        yield GNR008.at((*at, "pushHost"), title=rules.title)
    if registry.authentication == "none":
        if not rules.anonymous_push:
            yield GNR009.at((*at, "authentication"), title=rules.title, user=rules.user)
    else:
        yield from _user_problems(preset, rules, registry.authentication, (*at, "authentication", "username"))
    if preset is Preset.NEXUS and registry.push_host and split_host(registry.push_host)[1] is None:
        yield GNR010.at((*at, "pushHost"), host=registry.push_host)


GNR011 = Rule(
    "GNR011",
    "{title} requires {required} path parts, {layout}; the repository {repository!r} has {count}",
    "the registry denies the push",
    "write it as {layout}",
)


def repository_problems(registry: GenericRegistry, repository: str, at: Location) -> Iterator[Problem]:
    """Whether the preset's registry can have a repository of this path."""
    preset = effective_preset(registry)
    if preset is None:
        return
    rules = RULES[preset]
    fewest, most = rules.parts
    count = repository.count("/") + 1
    if count < fewest or (most is not None and count > most):
        required = f"exactly {fewest}" if most == fewest else f"at least {fewest}"
        yield GNR011.at(
            at, title=rules.title, required=required, layout=rules.layout, repository=repository, count=count
        )


def must_exist(registry: GenericRegistry) -> str | None:
    """The name of the registry if repositories must be created before a push, else None."""
    preset = effective_preset(registry)
    return RULES[preset].title if preset and not RULES[preset].creates_repositories else None


def most_parts(registry: GenericRegistry) -> tuple[str, int] | None:
    """The registry's name and the most path parts it takes, or None."""
    preset = effective_preset(registry)
    most = RULES[preset].parts[1] if preset else None
    return (RULES[preset].title, most) if preset and most else None


GNR012 = Rule(
    "GNR012",
    "an e-mail address is no Docker Hub user name",
    "the registry answers 401",
    "give the Docker ID",
)
GNR013 = Rule(
    "GNR013",
    "gitlab-ci-token is the user of a CI job",
    "its password, CI_JOB_TOKEN, stops working when that job ends; Mendix builds long after",
    "create a deploy token with read_registry and write_registry and give its user and token",
)
GNR014 = Rule(
    "GNR014",
    "{user!r} does not look like a robot account",
    "a person's password or token stops working when the person leaves, and may do more than push",
    "create {account} with write permission on the repository",
    Severity.WARNING,
)
GNR015 = Rule(
    "GNR015",
    "{user!r} does not look like a robot account",
    "a person's account may do more than push, and with single sign-on its password is no registry password",
    "create {account} with push and pull permission",
    Severity.WARNING,
)


def _user_problems(preset: Preset, rules: Rules, who: BasicAuthentication, at: Location) -> Iterator[Problem]:
    user = who.username
    if preset is Preset.DOCKER_HUB and "@" in user:
        yield GNR012.at(at)
    if preset is Preset.GITLAB and user == "gitlab-ci-token":
        yield GNR013.at(at)
    if preset is Preset.QUAY and "+" not in user and not user.startswith("$"):
        yield GNR014.at(at, user=user, account=rules.user)
    if preset in (Preset.HARBOR, Preset.STACKIT) and "+" not in user and not user.startswith("robot"):
        yield GNR015.at(at, user=user, account=rules.user)
