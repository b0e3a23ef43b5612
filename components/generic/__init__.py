"""Registries that need nothing created: ``generic`` (user and password, or none) and ``docker-secret`` (an existing Secret)."""

from components.generic.registry import DockerSecret, Generic

__all__ = ["DockerSecret", "Generic"]
