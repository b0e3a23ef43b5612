"""Rules of the key ``builder``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mendix_registry.kinds import KINDS
from mendix_registry.settings.mirroring import destination
from mendix_registry.settings.places import BUILDER
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.references import NAME_LENGTH, repository_fault, tag_fault
from mendix_registry.settings.stack import Settings

STK085 = Rule(
    "STK085",
    "{image} is not pinned by digest",
    "whoever can move its tag gets your registry's credentials",
    "write it as <image>@sha256:<digest> ('crane digest <image>' prints it)",
    Severity.WARNING,
)


def image(settings: Settings) -> Iterator[Problem]:
    """The client image is one exact image."""
    if settings.builder.mode != "none" and not re.search(r"@sha256:[0-9a-f]{64}$", settings.builder.image):
        yield STK085.at((*BUILDER, "image"), image=settings.builder.image)


STK086 = Rule(
    "STK086",
    "the Jobs would run on nodes with {key}: {value}",
    "client and proof image are programs for Linux",
    "remove the label",
)
STK087 = Rule(
    "STK087",
    "the nodes are {value}, but builder.architecture is {architecture}",
    "such a node cannot start the proof image that it pulls",
    "remove the label, or set builder.architecture to the nodes' architecture",
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
            yield STK086.at((*BUILDER, "nodeSelector", key), key=key, value=value)
        if name == "arch" and value != builder.architecture and pulls:
            yield STK087.at((*BUILDER, "nodeSelector", key), value=value, architecture=builder.architecture)


STK088 = Rule(
    "STK088",
    "this key is missing",
    "mode {mode} must know what to {mode}",
    "add {mode}, or choose another mode",
)
STK089 = Rule("STK089", "the mode is {actual}", "{mode} would have no effect", "set mode: {mode}, or remove {mode}")


def modes(settings: Settings) -> Iterator[Problem]:
    """What belongs to a mode is there with it, and only with it."""
    builder = settings.builder
    for mode, given in (("build", builder.build is not None), ("mirror", bool(builder.mirror))):
        if builder.mode == mode and not given:
            yield STK088.at((*BUILDER, mode), mode=mode)
        elif builder.mode != mode and given:
            yield STK089.at((*BUILDER, mode), actual=builder.mode, mode=mode)


STK090 = Rule(
    "STK090",
    "the app comes from {places}",
    "the Job takes one file from one place",
    "give exactly one of url, configMap, persistentVolumeClaim",
)
STK091 = Rule("STK091", "a URL has its path in itself", "this one has no effect", "remove path")
STK092 = Rule(
    "STK092",
    "the app is downloaded by plain http",
    "the digest ensures that it is the right file, but everyone on the way can read it",
    "serve it by https, unless it comes from inside the cluster",
    Severity.WARNING,
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
        yield STK090.at(at, places=" and ".join(given) if given else "nowhere")
    if build.mda.url and "path" in build.mda.model_fields_set:
        yield STK091.at((*at, "path"))
    if build.mda.url and build.mda.url.startswith("http://"):
        yield STK092.at((*at, "url"))


STK093 = Rule(
    "STK093",
    "{copy} is the destination of entry {first} already",
    "the second image would take the first one's tag",
    "give one of them another destination",
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
                yield STK093.at(at, copy=copy, first=places[copy])
            places.setdefault(copy, index)


STK094 = Rule(
    "STK094",
    "the repository {repository!r} {fault}",
    "registries and clients reject such a name",
    "write it as repository:tag, without a host, such as {{repository}}:runtime-10.24",
)
STK095 = Rule("STK095", "the tag {tag!r} {fault}", "the registry would reject it", "correct the tag")
STK096 = Rule(
    "STK096",
    "{repository!r} begins with the registry's host or is too long",
    f"the host is put before it, and both have at most {NAME_LENGTH} characters",
    "leave the host out, or shorten the repository",
)


def _destination(settings: Settings, repository: str, tag: str, at: Location) -> Iterator[Problem]:
    fault = repository_fault(repository)
    if fault:
        yield STK094.at(at, repository=repository, fault=fault)
        return
    fault = tag_fault(tag)
    if fault:
        yield STK095.at(at, tag=tag, fault=fault)
    host = settings.push_host
    if repository.startswith(f"{host}/") or len(host) + 1 + len(repository) > NAME_LENGTH:
        yield STK096.at(at, repository=repository)
