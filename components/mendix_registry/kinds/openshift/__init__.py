"""The registries that OpenShift brings along: ``openshift3`` and ``openshift4``."""
