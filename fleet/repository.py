"""What the Pulumi Kubernetes Operator makes of a Git repository, and what it cannot use.

Source: ``ParseGitRepoURL`` of Pulumi's Go SDK (``sdk/go/common/util/gitutil``), with which the operator reads ``projectRepo``, and
the operator's ``internal/controller/pulumi/git.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from fleet.fleet_file import GitRepository
from fleet.problems import FleetProblem

_SUFFIX = ".git"
_HASH = re.compile(r"[0-9a-fA-F]{40}")
_READ_AS_IT_IS = "dev.azure.com"
_FORM = "https://<host>/<owner>/<repository>.git"


def repository_problems(repository: GitRepository) -> Iterator[FleetProblem]:
    """Everything that would leave each Stack stalled, or have it deploy something else."""
    if (repository.branch is None) == (repository.commit is None):
        yield FleetProblem(
            "operator.repository",
            "exactly one of branch and commit is needed",
            "the operator follows a branch or deploys one commit",
            "write branch: refs/heads/main, or commit: <hash>",
        )
    if repository.commit is not None and not _HASH.fullmatch(repository.commit):
        yield FleetProblem(
            "operator.repository.commit",
            "this is not a commit's full hash",
            "the operator takes anything else for the name of a branch",
            "write all 40 hexadecimal digits; 'git rev-parse <name>' prints them",
        )
    try:
        url = urlsplit(repository.url)
    except ValueError:
        yield FleetProblem("operator.repository.url", "this is not a URL", "", f"write {_FORM}")
        return
    if "@" in url.netloc and url.scheme in ("http", "https"):
        yield FleetProblem(
            "operator.repository.url",
            "there are credentials in the URL",
            "the Stack objects are not secret",
            "remove them, and name a Secret with the key accessToken as tokenSecret",
        )
    if url.scheme == "https":
        yield from _path(url, follows_branch=repository.branch is not None)
    else:
        yield FleetProblem(
            "operator.repository.url",
            "this is not an https:// URL",
            "the Stack objects name a token at most, and no SSH key",
            f"write {_FORM}",
        )


def _path(url: SplitResult, *, follows_branch: bool) -> Iterator[FleetProblem]:
    if url.hostname == _READ_AS_IT_IS:
        return
    parts = url.path.removeprefix("/").split("/")
    if len(parts) < 2 or not all(parts[:2]):
        yield FleetProblem(
            "operator.repository.url",
            "the path has no owner and repository",
            "the operator refuses such a URL, and every Stack would stay stalled",
            f"write {_FORM}",
        )
        return
    # A commit is cloned from the URL as it stands; only a branch is looked up by what the operator reads from it.
    if follows_branch and _read_by_the_operator(url.path) != _plain(url.path):
        yield FleetProblem(
            "operator.repository.url",
            "the operator would take only a part of this path for the repository",
            "of a path with more than two parts it takes the first two, unless '.git' marks where the repository ends",
            "let the URL end with .git, and give the directory in the repository as directory",
        )


def _read_by_the_operator(path: str) -> str:
    path = path.removeprefix("/")
    end = path.rfind(_SUFFIX)
    return path[:end] if end >= 0 else "/".join(path.split("/")[:2])


def _plain(path: str) -> str:
    return path.strip("/").removesuffix(_SUFFIX)
