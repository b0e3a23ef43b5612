"""Which repositories the operator can use: judged by the code of Pulumi's by which it reads them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from fleet.fleet_file import GitRepository
from fleet.repository import repository_problems
from tests.fleet.conftest import OPERATOR, Workspace, fleet_content
from tests.oracles.pulumi import oracle

# Each runs the program, to count.
pytestmark = pytest.mark.slow

SUITABLE = (
    "https://git.example.com/platform/registry",
    "https://git.example.com/platform/registry.git",
    "https://git.example.com/platform/registry/",
    "https://git.example.com:8443/platform/registry.git",
    "https://gitlab.example.com/group/subgroup/registry.git",
    "https://gitlab.example.com/a/b/c/d/registry.git",
    "https://dev.azure.com/acme/platform/_git/registry",
)
UNSUITABLE = (
    "https://git.example.com",
    "https://git.example.com/",
    "https://git.example.com/registry",
    "https://git.example.com/registry.git",
    "https://git.example.com//registry",
    "https://gitlab.example.com/group/subgroup/registry",
    "https://gitlab.example.com/group/registry.git/deploy",
    "https://git.example.com/platform/acme.github.io",
    "https://tfs.example.com/tfs/collection/project/_git/registry",
)


def told(url: str, **reference: str) -> list[str]:
    repository = GitRepository.model_validate({"url": url, **(reference or {"branch": "refs/heads/main"})})
    return [problem.what for problem in repository_problems(repository)]


@pytest.mark.slow
def test_urls_that_the_operator_reads_differently_are_rejected() -> None:
    urls = [*SUITABLE, *UNSUITABLE]
    read = dict(zip(urls, oracle.build().ask("git-urls", texts=urls), strict=True))
    right = {url for url in urls if read[url] and _plain(read[url]) == _plain(url)}
    assert right == set(SUITABLE)
    assert {url for url in urls if not told(url)} == right


def _plain(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path.strip("/").removesuffix(".git")


@pytest.mark.parametrize("url", ["https://tfs.example.com/tfs/collection/project/_git/registry", SUITABLE[0]])
def test_a_commit_needs_no_look_at_the_repository(url: str) -> None:
    assert told(url, commit="a" * 40) == []


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ({"url": "git@git.example.com:platform/registry.git"}, "this is not an https:// URL"),
        ({"url": "ssh://git@git.example.com/platform/registry.git"}, "and no SSH key"),
        ({"url": "http://git.example.com/platform/registry.git"}, "this is not an https:// URL"),
        ({"url": "https://git.example.com/registry"}, "the path has no owner and repository"),
        ({"url": "https://gitlab.example.com/a/b/c"}, "let the URL end with .git"),
        ({"url": "https://[git.example.com/a/b"}, "this is not a URL"),
        ({"url": "https://acme:canary-2@dev.azure.com/acme/p/_git/r"}, "there are credentials in the URL"),
    ],
)
def test_an_unusable_repository_url_is_reported(repository: dict[str, str], words: str, workspace: Workspace) -> None:
    operator = {**OPERATOR, "repository": {"branch": "main", **repository}}
    refused = workspace.refused(fleet_content(operator=operator), "operator")
    assert words.lower() in refused.lower() and "canary-2" not in refused


@pytest.mark.parametrize("commit", ["main", "v1.2.3", "0123abc", "a" * 39, "g" * 40])
def test_a_commit_is_given_by_its_full_hash(commit: str) -> None:
    """Anything else the operator looks up among the branches and tags."""
    assert told(SUITABLE[0], commit=commit) == ["this is not a commit's full hash"]
