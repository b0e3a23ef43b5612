"""The policy pack as Pulumi starts it: serves the rules until it is ended."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)

from rules import RULES, Resource, Rule


def policy(rule: Rule) -> ResourceValidationPolicy:
    """A rule in the form of the policy SDK."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        settings = {**rule.defaults, **args.get_config()}
        resource = Resource(args.resource_type, args.name, args.props, bool(args.opts.protect), settings)
        # Found one by one, so that what is certain is reported even where a later value is not known yet.
        for finding in rule.check(resource):
            report(str(finding))

    return ResourceValidationPolicy(
        name=rule.name,
        display_name=rule.title,
        description=rule.description,
        validate=validate,
        enforcement_level=EnforcementLevel(rule.level),
        severity=Severity(rule.severity),
        config_schema=PolicyConfigSchema({key: dict(schema) for key, schema in rule.settings.items()}),
        remediation_steps=rule.remedy,
    )


PolicyPack("mendix-registry", [policy(rule) for rule in RULES], description="Rules for Mendix image registries")
