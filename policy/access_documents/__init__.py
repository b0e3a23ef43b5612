"""The documents that grant access in clouds, read as the clouds read them: by the policy pack and by the report alike.

It lies in the pack's directory, because Pulumi takes that directory and nothing else with a pack, and needs only the standard
library, because the pack's environment has no more.
"""
