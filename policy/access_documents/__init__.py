"""Facts about access in clouds, and the documents that grant it, read as the clouds read them: for the policy pack and the report.

A module for each cloud's facts (``amazon``, ``azure``, ``google``, ``kubernetes``), ``credentials`` and ``verbs`` for all of them;
``iam_documents`` and ``acr_conditions`` read.

It lies in the pack's directory, because Pulumi takes that directory and nothing else with a pack, and needs only the standard
library, because the pack's environment has no more.
"""
