"""The kubelet's image credential provider: asks a service of the rehearsal who this node is to a registry.

Only the standard library: the kubelet runs a copy of this file at each pull
(kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider).
``REHEARSAL_SERVICE_SETTINGS`` names the service's settings. Where there is no service, or it knows no identity,
the node pulls anonymously, as a
node without a role does.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.parse
import urllib.request

HOST = "nodes.mendix-rehearsal.internal"
"""The name under which a service that knows node identities is asked: ``GET /?image=REFERENCE`` with the node's token
as bearer token."""


def main() -> None:
    request = json.load(sys.stdin)
    answer = {
        "kind": "CredentialProviderResponse",
        "apiVersion": request["apiVersion"],
        "cacheKeyType": "Image",
        "cacheDuration": "0s",
        "auth": credentials(request["image"]),
    }
    json.dump(answer, sys.stdout)


def credentials(image: str) -> dict[str, dict[str, str]]:
    """User and password by registry host; nothing where none are known."""
    try:
        with open(os.environ["REHEARSAL_SERVICE_SETTINGS"]) as file:  # noqa: PTH123 - pathlib would double the start time
            settings = json.load(file)
    except (KeyError, OSError, ValueError):
        return {}
    query = urllib.parse.urlencode({"image": image})
    headers = {"Host": HOST, "Authorization": f"Bearer {settings['node_token']}"}
    asked = urllib.request.Request(f"https://{settings['address']}/?{query}", headers=headers)
    context = ssl.create_default_context(cafile=settings["authority"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(asked, timeout=10) as answer:
            return json.load(answer)
    except OSError as error:
        print(f"no credentials for {image}: {error}", file=sys.stderr)
        return {}


if __name__ == "__main__":
    main()
