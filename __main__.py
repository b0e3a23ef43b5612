"""Gives every namespace of a stack its container registry: reads the configuration, deploys it, exports what came of it."""

import pulumi

from mendix_registry.cloud_sdk import install_sdk_of
from mendix_registry.deployment import deploy
from mendix_registry.stack_file import read_settings

settings = read_settings()
install_sdk_of(settings.registry.type)
for name, value in deploy(settings).items():
    pulumi.export(name, value)
