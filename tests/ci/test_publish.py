"""``ci/publish.py`` against servers that answer as the three sites do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PUBLISH = Path(__file__).parents[2] / "ci" / "publish.py"
MARKER = "<!-- mendix-registry-report:default -->"


@dataclass
class Site:
    """Notes that are there, in the shape of each site, and the requests that change something."""

    url: str = ""
    notes: list[Any] = field(default_factory=list)
    issues: list[Any] = field(default_factory=list)
    changes: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    status: int = 200


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            state.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
            path, _, query = self.path.partition("?")
            found: Any = {}
            if path.endswith("/wiql"):
                found = {"workItems": state.issues}
            elif self.command != "GET":
                state.changes.append((self.command, path, body))
            elif path.endswith("/user"):
                found = {"id": 7}
            elif path.endswith("/connectionData"):
                found = {"authenticatedUser": {"id": "me"}}
            elif path.endswith("/threads"):
                found = {"value": state.notes}
            else:
                listed = state.issues if path.endswith("/issues") else state.notes
                page = int(dict(part.split("=") for part in query.split("&") if "=" in part)["page"])
                found = listed[(page - 1) * 100 : page * 100]
            self.send_response(state.status)
            if state.status == 302:
                self.send_header("Location", f"{state.url}/stolen")
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - the names that http.server calls

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def environment(site: Site, where: str) -> dict[str, str]:
    return {
        "github": {
            "GITHUB_ACTIONS": "true",
            "GITHUB_TOKEN": "t0ken",
            "GITHUB_API_URL": site.url,
            "GITHUB_REPOSITORY": "acme/registry",
            "PULL_REQUEST": "5",
        },
        "gitlab": {
            "GITLAB_CI": "true",
            "REPORT_TOKEN": "t0ken",
            "CI_API_V4_URL": site.url,
            "CI_PROJECT_ID": "3",
            "CI_MERGE_REQUEST_IID": "5",
        },
        "azure": {
            "TF_BUILD": "True",
            "SYSTEM_ACCESSTOKEN": "t0ken",
            "SYSTEM_COLLECTIONURI": f"{site.url}/",
            "SYSTEM_TEAMPROJECTID": "p",
            "BUILD_REPOSITORY_ID": "r",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "5",
        },
    }[where]


def note(where: str, number: int, text: str, *, mine: bool = True) -> dict[str, Any]:
    if where == "github":
        return {"id": number, "body": text, "user": {"login": "github-actions[bot]" if mine else "mallory"}}
    if where == "gitlab":
        return {"id": number, "body": text, "author": {"id": 7 if mine else 8}}
    return {"id": number, "comments": [{"id": 1, "content": text, "author": {"id": "me" if mine else "mallory"}}]}


def publish(site: Site, where: str, folder: Path, *arguments: str, text: str = f"{MARKER}\nnew") -> Any:
    (folder / "comment.md").write_text(text)
    variables = {"PATH": os.environ["PATH"], **environment(site, where)}
    return subprocess.run(
        [sys.executable, str(PUBLISH), *(arguments or ("comment",)), "comment.md"],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
    )


SITES = ["github", "gitlab", "azure"]


@pytest.mark.parametrize("where", SITES)
def test_the_first_comment_is_made(where: str, site: Site, tmp_path: Path) -> None:
    site.notes = [note(where, 1, "Looks good")]
    done = publish(site, where, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    ((method, _, body),) = site.changes
    assert method == "POST"
    assert f"{MARKER}\\nnew" in json.dumps(body)
    assert all("t0ken" in token for token in site.tokens)


@pytest.mark.parametrize("where", SITES)
def test_our_own_comment_is_updated_even_behind_many_others(where: str, site: Site, tmp_path: Path) -> None:
    site.notes = [note(where, number, "talk") for number in range(1, 151)] + [note(where, 777, f"{MARKER}\nold")]
    assert publish(site, where, tmp_path).returncode == 0
    ((method, path, body),) = site.changes
    assert method in ("PATCH", "PUT")
    assert "/777" in path
    assert "new" in json.dumps(body)


@pytest.mark.parametrize("where", SITES)
def test_comments_of_other_users_with_our_marker_stay_unchanged(where: str, site: Site, tmp_path: Path) -> None:
    site.notes = [
        note(where, 1, f"{MARKER}\nforged", mine=False),
        note(where, 2, f"quoting {MARKER}"),
        note(where, 3, "<!-- mendix-registry-report:other -->\n"),
    ]
    assert publish(site, where, tmp_path).returncode == 0
    assert [method for method, _, _ in site.changes] == ["POST"]


@pytest.mark.parametrize("where", SITES)
def test_drift_opens_one_issue_and_then_comments_on_it(where: str, site: Site, tmp_path: Path) -> None:
    assert publish(site, where, tmp_path, "issue", "Drift in prod").returncode == 0
    site.issues = [{"id": 9, "iid": 9, "number": 9, "title": "Drift in prod"}]
    assert publish(site, where, tmp_path, "issue", "Drift in prod").returncode == 0
    first, second = site.changes
    assert "Drift in prod" in json.dumps(first[2])
    assert "/9/" in second[1]


@pytest.mark.parametrize(
    ("wanted", "told"), [(None, "$Task"), ("", "$Task"), ("Product Backlog Item", "$Product%20Backlog%20Item")]
)
def test_a_work_item_has_a_type_of_the_process(
    wanted: str | None, told: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was an Issue, which Scrum does not have: the comparison failed there instead of telling what it found."""
    made = environment(site, "azure") | ({} if wanted is None else {"WORK_ITEM_TYPE": wanted})
    monkeypatch.setitem(globals(), "environment", lambda *_: made)
    assert publish(site, "azure", tmp_path, "issue", "Drift in prod").returncode == 0
    assert site.changes[0][1].endswith(f"/workitems/{told}")


def test_a_rejection_has_the_sites_words_without_the_token(site: Site, tmp_path: Path) -> None:
    site.status = 403
    done = publish(site, "github", tmp_path)
    assert done.returncode == 1
    assert "403" in done.stderr
    assert "t0ken" not in done.stderr


def test_a_redirect_does_not_receive_the_token(site: Site, tmp_path: Path) -> None:
    site.status = 302
    assert publish(site, "github", tmp_path).returncode == 1
    assert not site.changes


def test_a_text_without_marker_is_rejected(site: Site, tmp_path: Path) -> None:
    done = publish(site, "github", tmp_path, text="no marker")
    assert done.returncode == 1
    assert not site.changes


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "comment.md").write_text(MARKER)
    command = [sys.executable, str(PUBLISH), "comment", str(tmp_path / "comment.md")]
    done = subprocess.run(command, env={"GITHUB_ACTIONS": "true"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "GITHUB_TOKEN" in done.stderr
