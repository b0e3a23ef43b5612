"""Facts about access that Kubernetes and OpenShift give.

Source: kubernetes.io/docs/reference/access-authn-authz/rbac and OpenShift's "Accessing the registry".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from access_documents.verbs import ADMINISTER, DELETE, PULL, PUSH

SUBJECT: Final = re.compile(r"system:serviceaccount:([^:]+):(.+)")
"""What the tokens of a ServiceAccount name: namespace and name. Each may be a pattern."""
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "system:image-builder": PUSH,
    "system:image-pusher": PUSH,
    "system:image-puller": PULL,
    "registry-viewer": PULL,
    "registry-editor": DELETE,
    "registry-admin": ADMINISTER,
    "admin": ADMINISTER,
    "edit": DELETE,
}
"""ClusterRoles that reach the images of OpenShift's registry, to what they allow there."""
OPENSHIFT_HOST: Final = "image-registry.openshift-image-registry.svc:5000"
