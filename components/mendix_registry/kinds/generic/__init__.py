"""Any registry with one user and password for all namespaces, or with none."""
