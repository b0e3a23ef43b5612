"""Plain words: what the glossary refuses is in no page, message, docstring, comment or name of a test."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/builder.md",
    "docs/ci.md",
    "docs/components.md",
    "docs/design.md",
    "docs/first-hour.md",
    "docs/fleet.md",
    "docs/index.md",
    "docs/kinds",
    "docs/operations.md",
    "docs/policy.md",
    "docs/reference",
    "docs/rehearsal.md",
    "docs/report.md",
    "docs/site",
    "Makefile",
    "Pulumi.yaml",
    "stacks",
    "bench",
    "examples",
    "ci",
    "components",
    "fleet",
    "policy",
    "rehearsal",
    "report",
)
"""Files, and folders with all below."""

ENDINGS = (".py", ".md", ".j2", ".sh", ".yaml", ".yml")

REFUSED = {
    r"judg(?:e|es|ed|ing|ements?)": "authorize, decide, decision; check",
    r"stand-ins?": "emulator",
    r"(?:for granted|sets? the stage|setting the stage)": "prerequisites; sandbox",
    r"(?:wider|too wide|worlds)": "broad access; before, after",
    r"tell(?:s|ing)?|told": "report, show, list",
    r"says?|said|saying": "report, show, state",
    r"(?:take[ns]?|taking|took)\s(?:\w+\s){0,3}away": "delete, remove",
    r"somebody|nobody": "someone, no one; or name who it is",
    r"anew": "again",
    r"as whom": "the identity",
    r"of (?:its|their|your|his|her) own": "its own …, in front of the noun",
    r"by which": "that, with which",
    r"mend(?:s|ed|ing)?": "fix",
    r"goe?s? on from": "continue with, resume",
    r"(?:do|does|did|will) not take|refuses? to take": "reject",
    r"wants|wanted": "need, require, expect, ask for",
    r"rooms?": "module",
}
"""Words and phrases, and what stands in their place. Not here: those that are plain words as well (*place*, *make*, *leave*)."""

_WORDS = re.compile("|".join(rf"\b(?:{phrase.replace(' ', chr(92) + 's+')})\b" for phrase in REFUSED), re.IGNORECASE)
_TOO = re.compile(r",\s+too\b")
_CODE = re.compile(r"``[^`]+``|`[^`\n]+`")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def refused(text: str) -> list[tuple[int, str]]:
    """What of a text is to be written in other words, with its line in it. Names in backticks are those of the code."""
    prose = _CODE.sub(lambda code: "`" + "\n" * code[0].count("\n"), text)
    found = chain(_WORDS.finditer(prose), _TOO.finditer(prose))
    return [(prose.count("\n", 0, each.start()), " ".join(each[0].split())) for each in found]


def python_texts(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings, messages (texts of several words) and comments, each with its line."""
    parts = set[int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values),
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in parts
            and " " in node.value.strip()
        ):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """A file's texts. A page's fenced blocks are left out: they are commands, and what programs print is checked in these."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from python_texts(source)
    else:
        yield 1, _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), source)


def files(root: str) -> list[Path]:
    path = ROOT / root
    if path.is_file():
        return [path]
    found = chain.from_iterable(path.rglob(f"*{ending}") for ending in ENDINGS)
    return sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(ROOT).parts))


def found_in(root: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line + below}: {word!r}"
        for path in files(root)
        for line, text in texts(path)
        for below, word in refused(text)
    ]


@pytest.mark.parametrize("root", ROOTS)
def test_no_text_has_a_word_the_glossary_refuses(root: str) -> None:
    assert files(root)
    assert found_in(root) == []


def test_every_test_name_has_at_most_nine_plain_words() -> None:
    names = [
        (path, node.name.removeprefix("test_").replace("_", " "))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert len(names) > 1000
    assert [f"{path}: {name}" for path, name in names if len(name.split()) > 9 or refused(name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "It judges each request.",
        "The Job says why.",
        "A cluster of\nits own.",
        "It is deleted, too.",
        "It does not take such a name.",
        "Somebody takes it away.",
    ],
)
def test_a_refused_word_is_found_wherever_written(text: str) -> None:
    sources = [f'"""{text}"""', f"raise ValueError('''{text}''')", f"x = f'''{{y}} {text}'''"]
    if "\n" not in text:
        sources.append(f"x = 1  # {text}")
    for source in sources:
        assert any(refused(found) for _, found in python_texts(source)), source


@pytest.mark.parametrize(
    "text", ["`nobody` is a user.", "It took too long.", "A nationwide network.", "The amendment."]
)
def test_plain_words_and_names_of_code_pass(text: str) -> None:
    assert refused(text) == []
