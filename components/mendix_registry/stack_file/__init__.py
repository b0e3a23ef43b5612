"""The stack file as types: reads it, checks it, and reports everything that is wrong with it at once."""

from mendix_registry.settings.problems import PROJECT, ConfigurationError, Problem, Severity
from mendix_registry.settings.stack import Builder, Cluster, Namespace, OperatorConfiguration, Settings
from mendix_registry.stack_file.reading import Reading, parse

__all__ = [
    "PROJECT",
    "Builder",
    "Cluster",
    "ConfigurationError",
    "Namespace",
    "OperatorConfiguration",
    "Problem",
    "Reading",
    "Settings",
    "Severity",
    "parse",
]
