"""Permissions boundaries of users, which moto does not have (those of roles it has)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.emulators.aws.calls import ApiCall, ApiError
from rehearsal.emulators.aws.directory import Directory


class UserBoundaries:
    """They are kept at moto's own users, so that they go with them and are in what ``GetUser`` gives."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.operations: Mapping[str, Callable[[ApiCall, float], dict[str, Any]]] = {
            "PutUserPermissionsBoundary": self._put,
            "DeleteUserPermissionsBoundary": self._delete,
        }

    def created(self, call: ApiCall) -> None:
        """Give a user that moto has just made the boundary that it was made with."""
        if (call.service, call.operation) == ("iam", "CreateUser"):
            self._directory.bound_user(call.text("UserName"), call.text("PermissionsBoundary"))

    def _put(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        return self._bound(call, call.text("PermissionsBoundary"))

    def _delete(self, call: ApiCall, now: float) -> dict[str, Any]:
        del now
        return self._bound(call, "")

    def _bound(self, call: ApiCall, arn: str) -> dict[str, Any]:
        name = call.text("UserName")
        if not self._directory.bound_user(name, arn):
            raise ApiError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        return {}
