"""Container registries for Mendix for Private Cloud as Pulumi components. Importing this package imports no SDK."""
