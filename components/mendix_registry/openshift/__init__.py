"""The registries that OpenShift brings along: ``openshift3`` and ``openshift4``."""

from mendix_registry.openshift.registry import OpenShift3, OpenShift4

__all__ = ["OpenShift3", "OpenShift4"]
