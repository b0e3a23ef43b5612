"""Registries that need nothing created: ``generic`` (user and password, or none) and ``docker-secret`` (an existing Secret)."""

from mendix_registry.generic.registry import DockerSecret, Generic

__all__ = ["DockerSecret", "Generic"]
