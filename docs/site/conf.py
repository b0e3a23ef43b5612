"""How Sphinx builds the documentation: ``make docs``.

The source directory is the repository itself, so that README.md, ARCHITECTURE.md and the pages in docs/ are the same files, with
the same links, as a code host shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

project = "mendix-registry"
author = "mendix-registry"
html_title = "mendix-registry"
language = "en"
root_doc = "docs/index"
include_patterns = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**"]
exclude_patterns = ["docs/site/**"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docs.site.diagrams",
    "docs.site.start_page",
]

myst_heading_anchors = 4
# Each diagram is a fenced block that code hosts draw too.
myst_fence_as_directive = ["mermaid"]
myst_links_external_new_tab = False

# Docstrings: components' arguments are Markdown, because Pulumi's analyzer passes them on to other languages; the rest is
# reStructuredText. A word in single backticks is code in both.
default_role = "code"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
add_module_names = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# Summaries are fetched page by page, which browsers refuse for a site that is opened from disk.
html_show_search_summary = False
html_show_copyright = False
html_theme_options = {
    "navigation_with_keys": True,
}

copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = "$ "
