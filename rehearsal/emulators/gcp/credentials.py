"""The IAM Service Account Credentials API: access tokens of a service account for who may act as it.

Source: the discovery document ``iamcredentials.v1``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rehearsal.emulators.gcp.access_tokens import Caller, ServiceAccountCaller
from rehearsal.emulators.gcp.account import SERVICE_ACCOUNT, Account
from rehearsal.emulators.gcp.errors import ApiError, invalid
from rehearsal.emulators.gcp.roles import GET_ACCESS_TOKEN

_LONGEST = 3600


def generate_access_token(account: Account, caller: Caller, email: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """``projects.serviceAccounts.generateAccessToken``. Raises ApiError."""
    lifetime = re.fullmatch(r"(\d+)s", str(body.get("lifetime") or f"{_LONGEST}s"))
    if not body.get("scope"):
        raise invalid("Request contains an invalid argument: scope is required.")
    if lifetime is None or not 0 < int(lifetime[1]) <= _LONGEST:
        raise invalid(f"The token lifetime {body.get('lifetime')} is not allowed; the longest is {_LONGEST}s.")
    found = account.store.accounts.get(email)
    project = email.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    resource = str(found["name"]) if found else f"projects/{project}/serviceAccounts/{email}"
    decision = account.decide("iamcredentials", caller, GET_ACCESS_TOKEN, resource, SERVICE_ACCOUNT)
    if found is None or not decision.allowed:
        # Google reports no more, so that no one can find out which accounts exist; a rehearsal may add why.
        why = decision.reason if found else f"there is no service account {email}"
        raise ApiError(
            403, f"Permission '{GET_ACCESS_TOKEN}' denied on resource (or it may not exist). (rehearsal: {why})"
        )
    if found.get("disabled"):
        raise ApiError(400, f"Service account {email} is disabled.", "FAILED_PRECONDITION")
    seconds = int(lifetime[1])
    token = account.tokens.issue(ServiceAccountCaller(email, found["uniqueId"]), seconds)
    expires = datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"accessToken": token, "expireTime": expires}
