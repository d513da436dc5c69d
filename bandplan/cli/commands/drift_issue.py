"""`bandplan drift-issue`: keep one GitHub issue per stack with what `drift --json` found."""

import argparse
import os
import sys
from pathlib import Path

from bandplan.cli.errors import CommandError, UsageProblem


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="output of `bandplan drift --json`")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.forge.choice import forge_of
    from bandplan.forge.errors import ForgeError, NotConfigured
    from bandplan.report.drift_issue import drift_issue
    from bandplan.report.errors import BadInput
    from bandplan.rest.clock import Clock

    try:
        issue = drift_issue(arguments.file.read_text(encoding="utf-8"), str(arguments.file))
    except OSError as error:
        raise UsageProblem(f"{arguments.file}: {error.strerror}") from error
    except (BadInput, UnicodeDecodeError) as error:
        raise UsageProblem(str(error)) from error
    print(issue.body if issue.is_open else f"No drift in {issue.stack}.")
    sys.stdout.flush()
    try:
        outcome = forge_of(os.environ, default="github").issues(os.environ, Clock()).keep(issue)
    except NotConfigured as error:
        raise UsageProblem(f"the issue was not updated: {error}") from error
    except ForgeError as error:
        hint = "the job needs `permissions: {issues: write}`"
        raise CommandError(f"the issue was not updated: {error}; {hint}") from error
    print(f"issue: {outcome}", file=sys.stderr)
    return 0
