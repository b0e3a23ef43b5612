"""mxpc-cli's configuration file for the type ``amazon-ecr``, of which only the form with a role is public.

Source: the ``ecr_registry`` block of Mendix's quick-start repository for AWS (``reference/mendix.md``, 1c). The names of the keys
for static credentials are in no public source, and EKS Pod Identity is in none at all.
"""

from __future__ import annotations

import yaml

_SECTIONS = ("database_plan", "storage_plan", "ingress", "registry", "proxy", "custom_tls")


def configuration_file(
    namespace: str, host: str, region: str, repository: str, role_arn: str, service_account: str
) -> str:
    """The file as YAML text. Its mask applies the registry and nothing else."""
    document = {
        "namespace": namespace,
        "cluster_mode": "connected",
        "mask": {section: section == "registry" for section in _SECTIONS},
        "registry": {
            "type": "amazon-ecr",
            "ecr_registry": {
                "name": repository,
                "hostname": host,
                "aws_region": region,
                "is_static_credential": False,
                "aws_iam_role": role_arn,
                "kubernetes_service_account": service_account,
            },
        },
    }
    return yaml.safe_dump(document, sort_keys=False)
