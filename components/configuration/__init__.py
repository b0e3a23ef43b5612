"""The stack file as types: reads it, checks it, and says everything that is wrong with it at once."""

from components.configuration.problems import PROJECT, ConfigurationError, Problem, Severity
from components.configuration.reading import Reading, parse, read_settings
from components.configuration.settings import Builder, Cluster, Namespace, OperatorConfiguration, Settings

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
    "read_settings",
]
