"""Rules of the kind ``generic``."""

from __future__ import annotations

from collections.abc import Iterator

from mendix_registry.kinds.generic import preset_rules
from mendix_registry.kinds.generic.settings import GenericRegistry
from mendix_registry.settings import image_name_template
from mendix_registry.settings.named_hosts import host_problems, transport_problems
from mendix_registry.settings.places import NAMESPACES, OPERATOR, REGISTRY
from mendix_registry.settings.problems import Location, Problem, Rule, Severity
from mendix_registry.settings.stack import Namespace, Settings


def check(settings: Settings, registry: GenericRegistry) -> Iterator[Problem]:
    """Every problem of a registry with one user, or none."""
    yield from host_problems(settings, registry, registry.preset)
    for key, host in (("pushHost", registry.push_host), ("pullHost", registry.pull_host)):
        if host:
            yield from preset_rules.host_problems(host, (*REGISTRY, key))
    yield from _authentication(registry)
    yield from transport_problems(settings, registry)
    first = {namespace.name: index for index, namespace in reversed([*enumerate(settings.namespaces)])}
    for index in sorted(first.values()):
        namespace = settings.namespaces[index]
        at: Location = (*NAMESPACES, index) if namespace.repository else REGISTRY
        yield from preset_rules.repository_problems(registry, settings.repository(namespace), (*at, "repository"))
    yield from _templates(settings, registry)


def check_copy(
    settings: Settings, registry: GenericRegistry, namespace: Namespace, repository: str, at: Location
) -> Iterator[Problem]:
    """The preset's registry can have the repository. Who may push where is not known here."""
    yield from preset_rules.repository_problems(registry, repository, at)


GNR003 = Rule(
    "GNR003",
    "there are no credentials to link",
    "authentication is none, so no pull secret is created",
    "remove the key, or give authentication",
)


def _authentication(registry: GenericRegistry) -> Iterator[Problem]:
    """What the preset's registry takes, and no pull secret without credentials."""
    yield from preset_rules.registry_problems(registry)
    if registry.authentication == "none" and registry.link_to_default_service_account:
        yield GNR003.at((*REGISTRY, "linkToDefaultServiceAccount"))


def _templates(settings: Settings, registry: GenericRegistry) -> Iterator[Problem]:
    """The preset's registry can have the repositories that the image name template makes; each fault once."""
    if settings.operator_configuration.adopt == "none":
        return
    at = (*OPERATOR, "imageNameTemplate")
    told: set[str] = set()
    for template in filter(None, map(settings.image_name_template, settings.namespaces)):
        general = image_name_template.problems(template, settings.pull_host, at)
        if any(problem.severity is Severity.ERROR for problem in general):
            continue
        for problem in _template_problems(registry, template, at):
            if problem.what not in told:
                told.add(problem.what)
                yield problem


GNR004 = Rule(
    "GNR004",
    "it gives every app its own repository",
    "{title} requires that a repository exists before the first push to it",
    "keep the variables after the colon: {{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}",
)
GNR005 = Rule(
    "GNR005",
    "it gives repositories of {parts} path parts",
    "{title} accepts at most {most}",
    "keep the variables after the colon: {{repository}}:{{{{.Name}}}}-{{{{.Timestamp}}}}",
)


def _template_problems(registry: GenericRegistry, template: str, at: Location) -> Iterator[Problem]:
    """Whether the preset's registry can have the repositories that an image name template makes."""
    rendered = image_name_template.render(template, image_name_template.DOCUMENTED[0])
    other = image_name_template.render(template, image_name_template.DOCUMENTED[1])
    title = preset_rules.must_exist(registry)
    if title and rendered.repository != other.repository:
        yield GNR004.at(at, title=title)
    limit = preset_rules.most_parts(registry)
    parts = rendered.repository.count("/") + 1
    if limit and parts > limit[1]:
        yield GNR005.at(at, parts=parts, title=limit[0], most=limit[1])
