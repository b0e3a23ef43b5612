"""Policy documents as boto3 gives them: parsed in some answers, text in others."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote


def document_text(document: Any) -> str:
    """The document as compact JSON text."""
    if isinstance(document, str):
        document = json.loads(unquote(document) if document.startswith("%") else document)
    return json.dumps(document, separators=(",", ":"))
