"""mxpc-cli's configuration file for ``openshift4``, whose whole form is public (Mendix's CLI page)."""

from __future__ import annotations

import yaml


def configuration_file(namespace: str) -> str:
    """The file as YAML text. Its mask applies the registry and nothing else."""
    sections = ("database_plan", "storage_plan", "ingress", "registry", "proxy", "custom_tls")
    document = {
        "namespace": namespace,
        "cluster_mode": "connected",
        "mask": {section: section == "registry" for section in sections},
        "registry": {"type": "openshift4"},
    }
    return yaml.safe_dump(document, sort_keys=False)
