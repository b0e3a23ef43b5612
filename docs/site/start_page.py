"""Leads from the site's root to its first page, which is docs/index."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>mendix-registry</title>
<meta http-equiv="refresh" content="0; url=docs/index.html">
<a href="docs/index.html">mendix-registry: documentation</a>
</html>
"""


def _write(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(_PAGE, encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
