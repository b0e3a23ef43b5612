"""Prepares the sandbox for a stack: the cluster it acts on, the registry it pushes to, the environment its program gets.

Between the command line, which knows what was asked, and the cluster and registry modules, which know how to make them.
"""

from rehearsal.sandbox.home import home_directory
from rehearsal.sandbox.setting import Stage, StageError, set_stage
from rehearsal.sandbox.wanted import WantedRegistry, wanted_registry

__all__ = ["Stage", "StageError", "WantedRegistry", "home_directory", "set_stage", "wanted_registry"]
