"""mxpc-cli's configuration file for the type ``generic``, the only type whose form is public.

Source: the ``generic_registry`` blocks of Mendix's quick-start repositories and the ``mask`` of its CLI page
(``reference/mendix.md``, 1b).
"""

from __future__ import annotations

import yaml


def configuration_file(
    namespace: str,
    push_host: str,
    pull_host: str,
    repository: str,
    credentials: tuple[str, str] | None,
    *,
    link: bool,
) -> str:
    """The file as YAML text. Its mask applies the registry and nothing else.

    ``credentials`` are user and password, or None for a registry without authentication; ``link`` whether the pull
    secret is added to ServiceAccount ``default``.
    """
    block: dict[str, object] = {
        "auth_pull_url": pull_host,
        "auth_push_url": push_host,
        "registry_name": repository,
        "enable_auth": credentials is not None,
    }
    if credentials is not None:
        block["auth_user"], block["auth_password"] = credentials
    block["link_secret_to_service_account"] = link
    sections = ("database_plan", "storage_plan", "ingress", "registry", "proxy", "custom_tls")
    document = {
        "namespace": namespace,
        "cluster_mode": "connected",
        "mask": {section: section == "registry" for section in sections},
        "registry": {"type": "generic", "generic_registry": block},
    }
    # Not libyaml's emitter, though it is faster: it folds some texts in another way, and this is an output of the stack, which must
    # not depend on how PyYAML was installed.
    return yaml.safe_dump(document, sort_keys=False)
