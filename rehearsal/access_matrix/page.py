"""The matrices as one HTML page that needs nothing beside it: no script, no font, no request."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2

from rehearsal.access_matrix.matrix import Matrix


def render(matrices: Sequence[Matrix]) -> str:
    """The page. What comes from clouds and stack files is text, never markup."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rehearsal.access_matrix", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("matrix.html.j2").render(
        matrices=matrices,
        attempts=sum(len(matrix.cells) for matrix in matrices),
        unexpected=sum(matrix.unexpected for matrix in matrices),
        failed=[matrix for matrix in matrices if not matrix.ok],
    )
