"""The project and its stacks as files: Pulumi.yaml and Pulumi.<stack>.yaml, read as the CLI reads them."""

from rehearsal.engine.project.declaration import ConfigDeclaration
from rehearsal.engine.project.errors import NoSuchStackError, ProjectError
from rehearsal.engine.project.project import PluginPath, Project, load_project
from rehearsal.engine.project.stack_file import StackConfiguration, StackFile

__all__ = [
    "ConfigDeclaration",
    "NoSuchStackError",
    "PluginPath",
    "Project",
    "ProjectError",
    "StackConfiguration",
    "StackFile",
    "load_project",
]
