"""A stack file means to the engine what it means to Pulumi: its own Go code is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.project import load_project
from rehearsal.engine.project.errors import ProjectError
from rehearsal.engine.state import PassphraseSecrets

PROJECT = "name: shop\nruntime: python\n"
SAME = {
    "nothing": "",
    "empty": "config: {}\n",
    "text": "config:\n  shop:a: one\n  'shop:b': \"two\\n lines\"\n  shop:c: |\n    a block\n    of text\n",
    "other namespaces": "config:\n  aws:region: eu-west-1\n  kubernetes:context: kind\n",
    "numbers": "config:\n  shop:a: 1\n  shop:b: 1.50\n  shop:c: 1e3\n  shop:d: -7\n  shop:e: 0x1F\n  shop:f: 12345678901234567\n",
    "octal and underscores": "config:\n  shop:a: 0o17\n  shop:b: 1_000\n  shop:c: 017\n",
    "booleans": "config:\n  shop:a: true\n  shop:b: False\n  shop:c: yes\n  shop:d: 'no'\n  shop:e: on\n",
    "times": "config:\n  shop:a: 2026-01-02\n  shop:b: 12:30:45\n  shop:c: '2026-01-02T03:04:05Z'\n",
    "structure": "config:\n  shop:a:\n    list: [1, two, {three: 3.0}]\n    deep: {x: {y: [true, '<&>']}}\n",
    "secret": "config:\n  shop:a:\n    secure: {one}\n  shop:b: open\n",
    "secret inside": "config:\n  shop:a:\n    plain: 1\n    list:\n      - secure: {one}\n      - secure: {two}\n",
    "anchors": "config:\n  shop:a: &x [1, 2]\n  shop:b: *x\n",
    "signs in text": 'config:\n  shop:a: \'ü \\ "\'\n  shop:b: "\\u2028"\n  shop:c: [\'ü\', "\\u2028"]\n',
}
REFUSED = {
    "broken YAML": "config:\n  shop:a: [1,\n",
    "a list for a mapping": "config: [1, 2]\n",
    "the same key twice": "config:\n  shop:a: 1\n  shop:a: 2\n",
}


@pytest.fixture(scope="module")
def keys() -> PassphraseSecrets:
    return PassphraseSecrets.create("correct horse", source="the tests")


@pytest.fixture(scope="module")
def texts(keys: PassphraseSecrets) -> dict[str, str]:
    """The stack files, with their secrets."""
    secrets = {"{one}": "s3cret", "{two}": '{"json": 1}'}
    found = {**SAME, **REFUSED}
    for name, value in secrets.items():
        found = {case: text.replace(name, keys.encrypt(value)) for case, text in found.items()}
    return found


@pytest.fixture(scope="module")
def theirs(pulumi: Any, keys: PassphraseSecrets, texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What Pulumi reads in each. Asked at once, since each question derives the key anew."""
    salt = keys.salt.split(":")[1]
    answers = pulumi.ask("stacks", project=PROJECT, stacks=list(texts.values()), salt=salt, passphrase="correct horse")
    return dict(zip(texts, answers, strict=True))


def write(folder: Path, text: str) -> None:
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(text)


@pytest.mark.parametrize("case", list(SAME))
def test_means_the_same(
    case: str, theirs: dict[str, dict[str, Any]], texts: dict[str, str], keys: PassphraseSecrets, tmp_path: Path
) -> None:
    write(tmp_path, texts[case])
    ours = load_project(tmp_path).stack_file("dev").configuration(keys)
    assert "error" not in theirs[case]
    assert ours.values == theirs[case].get("values", {})
    assert sorted(ours.secret_keys) == sorted(theirs[case].get("secretKeys", []))


@pytest.mark.parametrize("case", list(REFUSED))
def test_both_refuse(
    case: str, theirs: dict[str, dict[str, Any]], texts: dict[str, str], keys: PassphraseSecrets, tmp_path: Path
) -> None:
    write(tmp_path, texts[case])
    assert "error" in theirs[case]
    with pytest.raises(ProjectError, match=r"Pulumi\.dev\.yaml"):
        load_project(tmp_path).stack_file("dev").configuration(keys)
