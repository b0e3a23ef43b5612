"""Refusals of Azure Resource Manager."""

from __future__ import annotations

from typing import Any


class ArmError(Exception):
    """``code`` is Azure's own name, ``status`` the HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def document(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}
