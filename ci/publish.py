"""Publishes a report where the pipeline runs: GitHub, GitLab or Azure DevOps. Needs Python and nothing else.

    python ci/publish.py comment comment.md          one comment on this pull request, updated in place
    python ci/publish.py issue "Drift in prod" body  one open issue of that title, or a comment on it

The comment is found by its first line, the hidden marker of ``mendix-registry-report``, among those that this token's own user has
written. A comment of someone else that begins with the marker is left alone.

Environment: what the site sets by itself, and a token that may write comments or issues: ``GITHUB_TOKEN``; ``REPORT_TOKEN`` at
GitLab (a project access token with scope ``api``); ``SYSTEM_ACCESSTOKEN`` at Azure DevOps. There ``WORK_ITEM_TYPE``
is what an issue is: ``Task`` if it is not set, the type that every process of Azure Boards has (Scrum has no Issue,
Basic no Bug).
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

Headers = dict[str, str]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along to wherever it leads."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def call(method: str, url: str, headers: Headers, body: Any = None, kind: str = "application/json") -> Any:
    """One request; its answer parsed. Ends the program with the site's own words if it is refused."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        sys.exit(f"{url.split('?')[0]}: the token is sent by https only")
    data = None if body is None else json.dumps(body).encode()
    # The scheme has been checked above.
    request = urllib.request.Request(url, data, {**headers, "Content-Type": kind}, method=method)  # noqa: S310
    try:
        with _OPENER.open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {url.split('?')[0]}: {error.code} {error.read(500).decode(errors='replace')}")
    except urllib.error.URLError as error:
        sys.exit(f"{method} {url.split('?')[0]}: {error.reason}")


def pages(url: str, headers: Headers) -> list[Any]:
    """All entries of a list that comes a hundred at a time (GitHub, GitLab)."""
    found: list[Any] = []
    for number in range(1, 101):
        separator = "&" if "?" in url else "?"
        some = call("GET", f"{url}{separator}per_page=100&page={number}", headers)
        found += some
        if len(some) < 100:
            break
    return found


class GitHub:
    """https://docs.github.com/en/rest/issues/comments"""

    def __init__(self) -> None:
        self.headers = {
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
        }
        self.base = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"

    def comment(self, text: str, marker: str) -> None:
        thread = f"{self.base}/{os.environ['PULL_REQUEST']}/comments"
        for entry in pages(thread, self.headers):
            # The workflow's own token writes as this user.
            if entry["user"]["login"] == "github-actions[bot]" and entry["body"].startswith(marker):
                call("PATCH", f"{self.base}/comments/{entry['id']}", self.headers, {"body": text})
                return
        call("POST", thread, self.headers, {"body": text})

    def issue(self, title: str, text: str) -> None:
        for entry in pages(f"{self.base}?state=open&creator=github-actions[bot]", self.headers):
            if entry["title"] == title:
                call("POST", f"{self.base}/{entry['number']}/comments", self.headers, {"body": text})
                return
        call("POST", self.base, self.headers, {"title": title, "body": text})


class GitLab:
    """https://docs.gitlab.com/api/notes/"""

    def __init__(self) -> None:
        self.headers = {"PRIVATE-TOKEN": os.environ["REPORT_TOKEN"]}
        self.api = os.environ["CI_API_V4_URL"]
        self.base = f"{self.api}/projects/{os.environ['CI_PROJECT_ID']}"

    def comment(self, text: str, marker: str) -> None:
        me = call("GET", f"{self.api}/user", self.headers)["id"]
        thread = f"{self.base}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
        for entry in pages(thread, self.headers):
            if entry["author"]["id"] == me and entry["body"].startswith(marker):
                call("PUT", f"{thread}/{entry['id']}", self.headers, {"body": text})
                return
        call("POST", thread, self.headers, {"body": text})

    def issue(self, title: str, text: str) -> None:
        query = urllib.parse.urlencode({"state": "opened", "search": title, "in": "title"})
        for entry in pages(f"{self.base}/issues?{query}", self.headers):
            if entry["title"] == title:
                call("POST", f"{self.base}/issues/{entry['iid']}/notes", self.headers, {"body": text})
                return
        call("POST", f"{self.base}/issues", self.headers, {"title": title, "description": text})


class AzureDevOps:
    """https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads"""

    version = "api-version=7.1"

    def __init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {os.environ['SYSTEM_ACCESSTOKEN']}"}
        project = urllib.parse.quote(os.environ["SYSTEM_TEAMPROJECTID"])
        self.collection = os.environ["SYSTEM_COLLECTIONURI"].rstrip("/")
        self.base = f"{self.collection}/{project}/_apis"

    def comment(self, text: str, marker: str) -> None:
        me = call("GET", f"{self.collection}/_apis/connectionData", self.headers)["authenticatedUser"]["id"]
        repository, request = os.environ["BUILD_REPOSITORY_ID"], os.environ["SYSTEM_PULLREQUEST_PULLREQUESTID"]
        threads = f"{self.base}/git/repositories/{repository}/pullRequests/{request}/threads"
        for thread in call("GET", f"{threads}?{self.version}", self.headers)["value"]:
            for entry in thread["comments"][:1]:
                if entry["author"]["id"] == me and (entry.get("content") or "").startswith(marker):
                    url = f"{threads}/{thread['id']}/comments/{entry['id']}?{self.version}"
                    call("PATCH", url, self.headers, {"content": text})
                    return
        body = {"comments": [{"parentCommentId": 0, "content": text, "commentType": 1}], "status": "closed"}
        call("POST", f"{threads}?{self.version}", self.headers, body)

    def issue(self, title: str, text: str) -> None:
        quoted = title.replace("'", "''")
        states = "[System.State] NOT IN ('Closed', 'Done', 'Resolved', 'Removed')"
        # WIQL has no parameters; a quote is doubled.
        query = f"SELECT [System.Id] FROM WorkItems WHERE [System.Title] = '{quoted}' AND {states}"  # noqa: S608
        found = call("POST", f"{self.base}/wit/wiql?{self.version}", self.headers, {"query": query})["workItems"]
        if found:
            number = found[0]["id"]
            url = f"{self.base}/wit/workItems/{number}/comments?format=markdown&api-version=7.1-preview.4"
            call("POST", url, self.headers, {"text": text})
            return
        patch = [
            {"op": "add", "path": "/fields/System.Title", "value": title},
            {"op": "add", "path": "/fields/System.Description", "value": text},
            {"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
        ]
        kind = urllib.parse.quote(os.environ.get("WORK_ITEM_TYPE") or "Task", safe="")
        url = f"{self.base}/wit/workitems/${kind}?{self.version}"
        call("POST", url, self.headers, patch, "application/json-patch+json")


def site() -> GitHub | GitLab | AzureDevOps | None:
    """The site that this pipeline runs at, None if it is none of them."""
    for variable, made in (("GITHUB_ACTIONS", GitHub), ("GITLAB_CI", GitLab), ("TF_BUILD", AzureDevOps)):
        if os.environ.get(variable):
            return made()
    return None


def main(arguments: list[str]) -> None:
    """See the module."""
    if not (len(arguments) == 2 and arguments[0] == "comment") and not (
        len(arguments) == 3 and arguments[0] == "issue"
    ):
        sys.exit(__doc__)
    text = Path(arguments[-1]).read_text(encoding="utf-8")
    try:
        there = site()
    except KeyError as error:
        sys.exit(f"The environment variable {error.args[0]} is not set. See the head of {__file__}.")
    if there is None:
        sys.exit("This is neither GitHub Actions, GitLab CI nor Azure DevOps.")
    if arguments[0] == "issue":
        there.issue(arguments[1], text)
        return
    marker = text.split("\n", 1)[0]
    if not marker.startswith("<!-- mendix-registry-report:"):
        sys.exit(
            f"{arguments[1]} does not begin with the marker of mendix-registry-report; a comment could not be found again."
        )
    there.comment(text, marker)


if __name__ == "__main__":
    main(sys.argv[1:])
