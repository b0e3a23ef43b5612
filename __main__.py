"""Gives every namespace of a stack its container registry: reads the configuration, deploys it, exports what came of it."""

import pulumi

from components.cloud_sdk import install_sdk_of
from components.configuration import read_settings
from components.deployment import deploy

settings = read_settings()
install_sdk_of(settings.registry.type)
for name, value in deploy(settings).items():
    pulumi.export(name, value)
