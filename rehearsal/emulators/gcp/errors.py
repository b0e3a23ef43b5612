"""Errors as Google's REST APIs answer them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

_STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip


class ApiError(Exception):
    """``code`` is the HTTP status; ``status`` Google's name of the error, by default the code's usual one."""

    def __init__(self, code: int, message: str, status: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.status = status or _STATUSES.get(code, "UNKNOWN")

    @property
    def document(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "status": self.status}}


def not_found(message: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, message)


def invalid(message: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, message)
