"""Rules of the key ``builder``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.kinds import KINDS
from mendix_registry.settings.mirroring import destination
from mendix_registry.settings.places import BUILDER
from mendix_registry.settings.problems import Location, Problem, Severity
from mendix_registry.settings.references import NAME_LENGTH, repository_fault, tag_fault
from mendix_registry.settings.stack import Settings


def image(settings: Settings) -> Iterator[Problem]:
    """The client image is one exact image."""
    if settings.builder.mode != "none" and not re.search(r"@sha256:[0-9a-f]{64}$", settings.builder.image):
        yield Problem(
            "STK085",
            (*BUILDER, "image"),
            f"{settings.builder.image} is not pinned by digest",
            "whoever can move its tag gets your registry's credentials",
            "write it as <image>@sha256:<digest> ('crane digest <image>' prints it)",
            Severity.WARNING,
        )


def nodes(settings: Settings) -> Iterator[Problem]:
    """The Jobs run on Linux, and what is pulled there is for the nodes' architecture."""
    builder = settings.builder
    pulls = builder.mode == "verify" and builder.prove_node_pull
    for key, value in builder.node_selector.items():
        prefix, _, name = key.rpartition("/")
        if prefix not in ("kubernetes.io", "beta.kubernetes.io"):
            continue
        if name == "os" and value != "linux":
            yield Problem(
                "STK086",
                (*BUILDER, "nodeSelector", key),
                f"the Jobs would run on nodes with {key}: {value}",
                "client and proof image are programs for Linux",
                "remove the label",
            )
        if name == "arch" and value != builder.architecture and pulls:
            yield Problem(
                "STK087",
                (*BUILDER, "nodeSelector", key),
                f"the nodes are {value}, but builder.architecture is {builder.architecture}",
                "such a node cannot start the proof image that it pulls",
                "remove the label, or set builder.architecture to the nodes' architecture",
            )


def modes(settings: Settings) -> Iterator[Problem]:
    """What belongs to a mode is there with it, and only with it."""
    builder = settings.builder
    for mode, given in (("build", builder.build is not None), ("mirror", bool(builder.mirror))):
        if builder.mode == mode and not given:
            yield Problem(
                "STK088",
                (*BUILDER, mode),
                "this key is missing",
                f"mode {mode} must know what to {mode}",
                f"add {mode}, or choose another mode",
            )
        elif builder.mode != mode and given:
            yield Problem(
                "STK089",
                (*BUILDER, mode),
                f"the mode is {builder.mode}",
                f"{mode} would have no effect",
                f"set mode: {mode}, or remove {mode}",
            )


def app(settings: Settings) -> Iterator[Problem]:
    """The MDA comes from exactly one place."""
    build = settings.builder.build
    if build is None:
        return
    at = (*BUILDER, "build", "mda")
    places = {
        "url": build.mda.url,
        "configMap": build.mda.config_map,
        "persistentVolumeClaim": build.mda.persistent_volume_claim,
    }
    given = [key for key, value in places.items() if value is not None]
    if len(given) != 1:
        yield Problem(
            "STK090",
            at,
            f"the app comes from {' and '.join(given) if given else 'nowhere'}",
            "the Job takes one file from one place",
            f"give exactly one of {', '.join(places)}",
        )
    if build.mda.url and "path" in build.mda.model_fields_set:
        yield Problem("STK091", (*at, "path"), "a URL has its path in itself", "this one has no effect", "remove path")
    if build.mda.url and build.mda.url.startswith("http://"):
        yield Problem(
            "STK092",
            (*at, "url"),
            "the app is downloaded by plain http",
            "the digest ensures that it is the right file, but everyone on the way can read it",
            "serve it by https, unless it comes from inside the cluster",
            Severity.WARNING,
        )


def mirror(settings: Settings) -> Iterator[Problem]:
    """Every destination is a repository and a tag that this registry can have, each used once."""
    if settings.builder.mode != "mirror":
        return
    told: set[tuple[Location, str]] = set()
    copied_by = settings.copies()
    rules = KINDS[settings.registry.type].rules
    for namespace in settings.namespaces:
        places: dict[str, int] = {}
        for index, copied in enumerate(settings.builder.mirror):
            copy = destination(copied, lambda text, of=namespace: settings.filled(text, of))
            at = (*BUILDER, "mirror", index, "destination")
            repository, _, tag = copy.rpartition(":")
            problems = [*_destination(settings, repository, tag, at)]
            # What an earlier namespace copies to the same place is not this one's to push.
            own = any(copy == each.destination for each in copied_by[namespace.name])
            if own and repository_fault(repository) is None:
                problems += rules.check_copy(settings, settings.registry, namespace, repository, at)
            for problem in problems:
                if (at, problem.what) not in told:
                    told.add((at, problem.what))
                    yield problem
            if copy in places and (at, "twice") not in told:
                told.add((at, "twice"))
                yield Problem(
                    "STK093",
                    at,
                    f"{copy} is the destination of entry {places[copy]} already",
                    "the second image would take the first one's tag",
                    "give one of them another destination",
                )
            places.setdefault(copy, index)


def _destination(settings: Settings, repository: str, tag: str, at: Location) -> Iterator[Problem]:
    fault = repository_fault(repository)
    if fault:
        yield Problem(
            "STK094",
            at,
            f"the repository {repository!r} {fault}",
            "registries and clients refuse such a name",
            "write it as repository:tag, without a host, such as {repository}:runtime-10.24",
        )
        return
    fault = tag_fault(tag)
    if fault:
        yield Problem("STK095", at, f"the tag {tag!r} {fault}", "the registry would refuse it", "correct the tag")
    host = settings.push_host
    if repository.startswith(f"{host}/") or len(host) + 1 + len(repository) > NAME_LENGTH:
        yield Problem(
            "STK096",
            at,
            f"{repository!r} begins with the registry's host or is too long",
            f"the host is put before it, and both have at most {NAME_LENGTH} characters",
            "leave the host out, or shorten the repository",
        )
