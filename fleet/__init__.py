"""A fleet: one file with thousands of namespaces, split into stacks by a stable rule, planned against the clouds' quotas, and
handed to the Pulumi Kubernetes Operator."""
