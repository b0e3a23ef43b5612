"""Gives every namespace of a stack its container registry: reads the configuration, deploys it, exports what came of it."""

import pulumi

from components.configuration import read_settings
from components.deployment import deploy

for name, value in deploy(read_settings()).items():
    pulumi.export(name, value)
