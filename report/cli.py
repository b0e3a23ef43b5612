"""The command ``mendix-registry-report``: previews in, a comment and a page out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from report.preview import StackPreview, WrongInputError
from report.sources import Sources
from report.text import clean

_NOT_ALL, _WRONG_INPUT = 1, 2

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.command()
def report(
    previews: Annotated[
        list[str],
        typer.Argument(
            metavar="[STACK=]FILE...",
            help="What 'pulumi preview --json' printed, one file per stack; - is stdin. STACK is needed only where a preview "
            "that failed early does not name its stack. Instead of it, an event log ('--event-log FILE' with "
            "PULUMI_DEBUG_COMMANDS=1).",
        ),
    ],
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events",
            metavar="STACK=FILE",
            help="The event log beside a preview: it alone has what the policy pack found. May be given again.",
        ),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            metavar="STACK=N",
            help="With which exit status 'pulumi preview' ended: it alone shows a preview that failed before it began. May "
            "be given again.",
        ),
    ] = None,
    comment: Annotated[
        str, typer.Option("--comment", "-c", metavar="FILE", help="Write the Markdown there, - is stdout.")
    ] = "",
    page: Annotated[
        str, typer.Option("--page", metavar="FILE", help="Write the HTML page with the access map there.")
    ] = "",
    site: Annotated[
        str, typer.Option("--for", metavar="SITE", help="github, gitlab or azure-devops: whose size limit holds.")
    ] = "github",
    key: Annotated[
        str,
        typer.Option("--key", metavar="NAME", help="Name in the hidden marker, for several comments on one request."),
    ] = "default",
    page_url: Annotated[
        str, typer.Option("--page-url", metavar="URL", help="Where the page will be, for the link.")
    ] = "",
) -> None:
    """Write what previews change, who may push and pull where afterwards, and what is dangerous about it.

    Without --comment and --page the Markdown goes to stdout. Exit status: 0 written, 1 written, but a preview failed, did not
    finish or is refused by the policy pack, 2 wrong input (nothing is written).
    """
    from report.comment import LIMITS
    from report.comment import comment as write_comment
    from report.summary import summarize

    if site not in LIMITS:
        _refuse(f"--for {site}: unknown. Known are {', '.join(LIMITS)}.")
    if page_url and not _is_plain(page_url):
        _refuse("--page-url: not an http or https address without spaces, quotes and brackets.")
    stacks = [summarize(stack) for stack in _read(previews, events or [], status or [])]
    if comment or not page:
        _write(comment or "-", write_comment(stacks, LIMITS[site], key, page_url))
    if page:
        from report.page import write_page

        _write(page, write_page(stacks))
    if any(stack.failed for stack in stacks):
        raise SystemExit(_NOT_ALL)


def _read(previews: list[str], events: list[str], statuses: list[str]) -> list[StackPreview]:
    sources = Sources(previews, events, statuses)
    found: list[StackPreview] = []
    problems = list(sources.problems)
    for source in sources.previews:
        try:
            found.append(sources.read(source))
        except OSError as error:
            problems.append(f"{error.filename or source.shown} cannot be read: {error.strerror}.")
        except WrongInputError as error:
            problems.append(str(error))
    names = [stack.name for stack in found]
    problems += [
        f"There are {names.count(double)} previews of the stack '{double}'. Give each stack once."
        for double in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += [] if problems else sources.unknown(names)
    if problems:
        _refuse("\n".join(problems))
    return found


def _is_plain(url: str) -> bool:
    return url.startswith(("https://", "http://")) and not any(mark in url for mark in " \t\r\n\"'<>()[]\\`|")


def _write(path: str, content: str) -> None:
    try:
        if path == "-":
            sys.stdout.buffer.write(content.encode())
            sys.stdout.buffer.flush()
        else:
            Path(path).write_bytes(content.encode())
    except OSError as error:
        _refuse(f"{path} cannot be written: {error.strerror}.")


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"error: {clean(message)}\n")
    raise SystemExit(_WRONG_INPUT)


def main() -> None:
    """Entry point of the script."""
    app()
