"""A registry that only a test has: its settings, a rule and a resource."""
