"""What others need to use and change this repository: one version, the license, and that updates find every dependency."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""The SHA-256 of https://www.apache.org/licenses/LICENSE-2.0.txt."""
RENOVATE = json.loads((ROOT / "renovate.json").read_text())


@cache
def files(name: str) -> list[Path]:
    """The repository's files of this name; not those of an environment or of a sandbox."""

    def below(directory: Path) -> Iterator[Path]:
        for path in directory.iterdir():
            if path.is_dir() and not path.is_symlink():
                if path.name == ".github" or not path.name.startswith((".", "dist", "node_modules")):
                    yield from below(path)
            elif path.name == name:
                yield path

    return sorted(below(ROOT))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


VERSION = toml(ROOT / "pyproject.toml")["project"]["version"]


# -- one version -------------------------------------------------------------------------------------------------------


MEMBERS = [path for path in files("pyproject.toml") if "examples" not in path.parts]


@pytest.mark.parametrize("path", MEMBERS, ids=relative)
def test_each_member_has_the_repositorys_version_and_license(path: Path) -> None:
    project = toml(path)["project"]
    assert (project["version"], project["license"]) == (VERSION, "Apache-2.0")


@pytest.mark.parametrize("path", files("uv.lock"), ids=relative)
def test_each_lock_file_has_it(path: Path) -> None:
    own = [package for package in toml(path)["package"] if {"editable", "virtual"} & package["source"].keys()]
    assert own
    assert {package["version"] for package in own} == {VERSION}


@pytest.mark.parametrize("path", [*files("PulumiPolicy.yaml"), *files("PulumiPlugin.yaml")], ids=relative)
def test_what_pulumi_reads_has_it_or_no_version(path: Path) -> None:
    assert yaml.safe_load(path.read_text()).get("version", VERSION) == VERSION


def test_the_changelog_has_unreleased_changes_and_then_this_version() -> None:
    headings = re.findall(r"^## \[(.*?)\](?: - \d{4}-\d{2}-\d{2})?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] in (["Unreleased"], ["Unreleased", VERSION])


# -- license -----------------------------------------------------------------------------------------------------------


def test_the_license_is_the_apache_license_letter_for_letter() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_0
    assert toml(ROOT / "pyproject.toml")["project"]["license-files"] == ["LICENSE"]


# -- updates -----------------------------------------------------------------------------------------------------------


def test_renovates_configuration_is_what_its_schema_describes() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [check, "--builtin-schema", "vendor.renovate", ROOT / "renovate.json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def found(custom: dict[str, Any], path: str) -> bool:
    """Whether a custom manager looks into this file. A pattern is a regular expression between slashes, as all of ours."""
    return any(re.search(pattern.strip("/"), path) for pattern in custom["managerFilePatterns"])


@pytest.mark.parametrize("custom", RENOVATE["customManagers"], ids=lambda custom: custom["description"])
def test_each_custom_manager_matches_a_line(custom: dict[str, Any]) -> None:
    """A pattern that nothing matches updates nothing, and nothing says so."""
    if custom["datasourceTemplate"] == "docker":
        texts = [f"    image: registry.example.com:5000/team/krane:debug@sha256:{'0' * 64}\n"]
        assert found(custom, "stacks/Pulumi.example-generic.yaml")
        assert found(custom, "fleet.yaml")
        assert not found(custom, "Pulumi.yaml")
        texts.append(f'  image: "docker.io/pulumi/pulumi:3.272.0-nonroot@sha256:{"0" * 64}"\n')
    else:
        names = {path for name in ("Makefile", "uv.py", "programs.py") for path in files(name)}
        texts = [path.read_text() for path in names if found(custom, relative(path))]
    assert texts
    # Names of groups are written differently in Python.
    (pattern,) = (each.replace("(?<", "(?P<") for each in custom["matchStrings"])
    for text in texts:
        match = re.search(pattern, text)
        assert match
        assert match["currentValue"]


def test_every_workflow_to_copy_is_looked_into() -> None:
    (pattern,) = RENOVATE["github-actions"]["managerFilePatterns"]
    workflows = sorted((ROOT / "ci" / "github").iterdir())
    assert workflows
    assert all(re.search(pattern.strip("/"), relative(path)) for path in workflows)


def test_every_folder_that_a_rule_names_is_there() -> None:
    """A rule about a folder that has moved applies to nothing."""
    named = {pattern for rule in RENOVATE["packageRules"] for pattern in rule.get("matchFileNames", [])}
    assert all((ROOT / pattern.split("*")[0]).is_dir() for pattern in named), named


@pytest.mark.parametrize("name", ["pulumi", "pulumi-kubernetes"])
def test_what_has_to_move_together_is_one_group(name: str) -> None:
    """The Python SDK and the Go modules of the same product."""
    (rule,) = [
        rule for rule in RENOVATE["packageRules"] if "groupName" in rule and name in rule.get("matchPackageNames", [])
    ]
    modules = {
        module
        for path in files("go.mod")
        for module in re.findall(r"^(?:require |\t)(\S+) v\S+(?! // indirect)$", path.read_text(), re.MULTILINE)
        if re.match(rf"github\.com/pulumi/{name}/", module)
    }
    assert modules
    patterns = [pattern.replace("**", ".*") for pattern in rule["matchPackageNames"]]
    assert all(any(re.fullmatch(pattern, module) for pattern in patterns) for module in modules), modules


# -- owners ------------------------------------------------------------------------------------------------------------


def test_owned_folders_exist_and_no_owner_is_a_placeholder() -> None:
    """All owners are placeholders, as here, or none is: half a file would let some changes pass without an approval."""
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    owned = [line.split() for line in lines if line and not line.startswith("#")]
    assert [path for path, *_ in owned if path != "*" and not (ROOT / path.strip("/")).exists()] == []
    assert len({owner.startswith("@REPLACE-WITH-") for _, *owners in owned for owner in owners}) == 1
