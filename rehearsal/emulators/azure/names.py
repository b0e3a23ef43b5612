"""What names Azure's resources may have.

Sources: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules; the parameters of the APIs in
github.com/Azure/azure-rest-api-specs; for federated credentials Microsoft's page "workload-identity-federation-considerations".
"""

from __future__ import annotations

from rehearsal.emulators.rules import Text

GUID = Text(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REGISTRY_NAME = Text(r"[a-zA-Z0-9]*", 5, 50)
SCOPE_MAP_NAME = Text(r"[a-zA-Z0-9-_]*", 5, 50)
TOKEN_NAME = Text(r"[a-zA-Z0-9-]*", 5, 50)
IDENTITY_NAME = Text(r"[a-zA-Z0-9][a-zA-Z0-9-_]*", 3, 128)
CREDENTIAL_NAME = Text(r"[a-zA-Z0-9][a-zA-Z0-9-_]{2,119}", 3, 120)
DEPLOYMENT_NAME = Text(r"[-\w.()]+", 1, 64)
