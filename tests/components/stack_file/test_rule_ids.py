"""Every rule about a stack file has an id of its own, by which its message, its source and its documentation are found."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

LIBRARY = ROOT / "components" / "mendix_registry"
PREFIXES = {
    "generic": "GNR",
    "docker_secret": "DKS",
    "amazon_ecr": "ECR",
    "microsoft_acr": "ACR",
    "google_gcr": "GAR",
    "openshift": "OCP",
}
"""The prefix of each folder of ``kinds``. Everything else has ``STK``."""

RETIRED: frozenset[str] = frozenset()
"""The ids of rules that are gone. A number is never used again: what people have found under it is about the old rule."""


@dataclass(frozen=True)
class Site:
    """Where a problem is made. ``rule`` is None where the id is handed on from another place; ``what`` is its source."""

    path: Path
    line: int
    rule: str | None
    what: str

    @property
    def prefix(self) -> str:
        room, folder, *_ = self.path.relative_to(LIBRARY).parts
        return PREFIXES[folder] if room == "kinds" else "STK"


def sites() -> Iterator[Site]:
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Problem"), args=[rule, _, what, *_]):
                    pass
                case ast.Call(func=ast.Name(id="refusal"), args=[rule, what, *_]):
                    pass
                case ast.Call(func=ast.Name(id="Problem" | "refusal")):
                    raise AssertionError(f"{path}:{node.lineno}: the rule's id is the first argument")
                case _:
                    continue
            identifier = rule.value if isinstance(rule, ast.Constant) else None
            yield Site(path, node.lineno, identifier if isinstance(identifier, str) else None, ast.unparse(what))


SITES = tuple(sites())
RULES = {site.rule for site in SITES if site.rule is not None}


def test_an_id_is_a_literal_with_its_modules_prefix() -> None:
    assert len(SITES) > 300
    wrong = [site for site in SITES if site.rule and not re.fullmatch(rf"{site.prefix}\d{{3}}", site.rule)]
    assert wrong == []


def test_only_a_validators_rejection_passes_its_id_on() -> None:
    """Once from pydantic's errors of the stack file, once from those of the lifecycle policy in it."""
    assert sorted(site.path.name for site in SITES if site.rule is None) == ["lifecycle_rules.py", "reading.py"]


def test_an_id_means_one_thing() -> None:
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for site in SITES:
        if site.rule:
            texts[site.rule].add(site.what)
    assert {rule: told for rule, told in texts.items() if len(told) > 1} == {}


def test_ids_of_a_prefix_have_gaps_for_retired_rules() -> None:
    assert not RULES & RETIRED
    for prefix in ("STK", *PREFIXES.values()):
        numbers = sorted(int(rule[3:]) for rule in RULES | RETIRED if rule.startswith(prefix))
        assert numbers == list(range(1, len(numbers) + 1)), f"take the next number of {prefix}, or add to RETIRED"
