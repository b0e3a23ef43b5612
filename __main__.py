"""Gives every namespace of a stack its container registry: reads the configuration, deploys it, exports what came of it."""

import gc

import pulumi

from mendix_registry.cloud_sdk import install_sdks
from mendix_registry.deployment import deploy
from mendix_registry.stack_file.program import read_settings

# Half of the program's time for 100 namespaces were searches for unreachable objects, of which it makes few and does not live long.
gc.disable()
settings = read_settings()
if settings.registry.sdk is not None:
    install_sdks([settings.registry.sdk])
for name, value in deploy(settings).items():
    pulumi.export(name, value)
