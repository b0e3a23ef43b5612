"""Draws the pages' Mermaid diagrams in the reader's browser, by a copy of Mermaid inside the site.

``sphinxcontrib-mermaid`` imports Mermaid as a module, which browsers refuse for a page that is opened from disk; this is the
classic script of the package ``mermaidx``. Rendering beforehand was tried: without a browser's fonts, words were cut off.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

SCRIPTS = ("mermaid.js", "diagrams.js")


class Diagram(nodes.General, nodes.Element):
    """A diagram; ``source`` is its Mermaid text."""


class MermaidDirective(SphinxDirective):
    """A fenced block of the language ``mermaid``."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return [Diagram(source="\n".join(self.content))]


def _visit(writer: HTML5Translator, node: nodes.Element) -> None:
    # Without scripts the reader sees the text, which names every part.
    writer.body.append(f'<pre class="mermaid">{writer.encode(node["source"])}</pre>')
    raise nodes.SkipNode


def _scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    if document is not None and next(document.findall(Diagram), None) is not None:
        for script in SCRIPTS:
            app.add_js_file(script)


def _copy(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mermaid.js"
        target.write_bytes((files("mermaidx") / "assets" / "mermaid.js").read_bytes())


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.add_node(Diagram, html=(_visit, None))
    app.add_directive("mermaid", MermaidDirective)
    app.connect("html-page-context", _scripts)
    app.connect("build-finished", _copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
