"""`bandplan report`: describe what previews change to reviewers; with `--post`, in a pull request comment."""

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.wire.capacity import UNITS

if TYPE_CHECKING:
    from bandplan.report.comment.sticky import Outcome
    from bandplan.report.load import Given
    from bandplan.report.stack import StackReport

STDIN = "-"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="output of `bandplan preview --json` (default or -: stdin)"
    )
    parser.add_argument(
        "--stack", action="append", default=[], metavar="NAME=FILE", help="a preview and a name for it; repeatable"
    )
    parser.add_argument(
        "--events",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="engine event log of a preview, with the policy findings; repeatable",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the report as one HTML file")
    parser.add_argument("--prices", metavar="FILE", help="your prices (YAML), to report the change in cost")
    limits = ",".join(f"{unit.key}=N" for unit in UNITS)
    parser.add_argument(
        "--quiet-below",
        default="",
        metavar="LIMITS",
        help=f"fold changes smaller than {limits},money=N,percent=N (any of them; money per hour)",
    )
    parser.add_argument("--artifact-url", default="", metavar="URL", help="URL of the full report")
    parser.add_argument("--post", action="store_true", help="create or update the pull request's comment")
    parser.add_argument(
        "--forge", choices=("github", "gitlab"), help="forge to post to (default: the one that runs this job)"
    )
    parser.add_argument("--pull-request", type=int, metavar="N", help="number of the pull or merge request")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.forge.errors import ForgeError, NotConfigured
    from bandplan.report.errors import BadInput

    try:
        with no_garbage_collection():
            reports = load(arguments)
            url = artifact_url(arguments.artifact_url)
            write(reports, url, arguments)
    except BadInput as error:
        raise UsageProblem(str(error)) from error
    if not arguments.post:
        return 0
    try:
        print(told(post(reports, url, arguments)), file=sys.stderr)
    except NotConfigured as error:
        raise UsageProblem(f"not posted: {error}") from error
    except ForgeError as error:
        raise CommandError(f"not posted: {error}") from error
    return 0


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Turn off garbage collection: what is read lives until it is written, and scanning it repeatedly takes half the
    time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def load(arguments: argparse.Namespace) -> "tuple[StackReport, ...]":
    """Build the reports of all previews. Errors: BadInput, UsageProblem."""
    from bandplan.report.load import Given, load_prices, load_reports
    from bandplan.report.threshold import parse_thresholds

    named = [(name, file) for name, _, file in (pair.partition("=") for pair in arguments.stack)]
    for name, file in named:
        if not name.strip() or not file:
            raise UsageProblem("--stack: must be NAME=FILE, such as --stack prod=prod.json")
    files = [("", file) for file in arguments.files or ([] if named else [STDIN])]
    logs = [pair.rpartition("=") for pair in arguments.events]
    thresholds = parse_thresholds(arguments.quiet_below)
    prices = load_prices(Given(arguments.prices, text_of(arguments.prices))) if arguments.prices else None
    return load_reports(
        [given(name, file) for name, file in (*named, *files)],
        [given(name, file) for name, _, file in logs],
        environ=os.environ,
        prices=prices,
        thresholds=thresholds,
    )


def given(name: str, file: str) -> "Given":
    from bandplan.report.load import Given

    return Given("stdin" if file == STDIN else file, text_of(file), name)


def text_of(file: str) -> str:
    """Read a file or standard input. Errors: UsageProblem if it cannot be read."""
    try:
        if file != STDIN:
            return Path(file).read_text(encoding="utf-8-sig")
        if sys.stdin.isatty():
            raise UsageProblem("no preview given; run `bandplan preview --json | bandplan report`, or name a file")
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except OSError as error:
        raise UsageProblem(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{file}: not JSON: not UTF-8 at byte {error.start:,}") from error


def artifact_url(text: str) -> str:
    """Return the URL if it is safe in a link. Errors: UsageProblem otherwise."""
    from urllib.parse import urlsplit

    if not text:
        return ""
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" <>\"'\\`|")
    try:
        parts = urlsplit(text)
    except ValueError:  # half a bracket around a host
        is_plain = False
    if not is_plain or len(text) > 500 or parts.scheme not in ("https", "http") or not parts.netloc:
        raise UsageProblem("--artifact-url: must be an http or https URL of at most 500 plain characters")
    return text


def write(reports: "Sequence[StackReport]", url: str, arguments: argparse.Namespace) -> None:
    """Print Markdown to standard output, and write the other forms to their files."""
    from bandplan.report.markdown.page import markdown

    try:
        if arguments.json is not None:
            from bandplan.report.document import document_text

            arguments.json.write_text(document_text(reports), encoding="utf-8")
        if arguments.html is not None:
            from bandplan.report.html.page import html

            arguments.html.write_text(html(reports), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    sys.stdout.write(markdown(reports, url))
    sys.stdout.flush()


def post(reports: "Sequence[StackReport]", url: str, arguments: argparse.Namespace) -> "Outcome":
    """Post the reports to the pull request. Errors: ForgeError."""
    from bandplan.forge.choice import forge_of
    from bandplan.report.comment import sticky
    from bandplan.report.comment.body import posted
    from bandplan.report.markdown.page import section_of
    from bandplan.rest.clock import Clock

    forge = forge_of(os.environ, arguments.forge)
    place = forge.place(
        os.environ, lambda path: Path(path).read_text(encoding="utf-8"), arguments.pull_request, Clock()
    )
    own = [posted(section_of(report, url, place.commit), place.run) for report in reports]
    is_silent = all(report.summary.status in ("unchanged", "quiet") for report in reports)
    return sticky.post(place.comments, own, is_silent=is_silent)


def told(outcome: "Outcome") -> str:
    """Describe in one line what was done."""
    words = {
        "created": "comment created",
        "updated": "comment updated",
        "unchanged": "comment is up to date",
        "silent": "nothing worth a comment",
    }
    kept = f"; not overwritten because a newer run wrote it: {', '.join(outcome.kept)}" if outcome.kept else ""
    return f"{words[outcome.action]}{f': {outcome.url}' if outcome.url else ''}{kept}"
