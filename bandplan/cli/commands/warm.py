"""`bandplan warm`: show or stop the processes that make commands start in milliseconds."""

import argparse
import os
import sys

from bandplan.cli.errors import CommandError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=("status", "stop"),
        metavar="status|stop",
        default="status",
        help="show the warm processes of this user, one for each terminal (default), or stop them; commands go on",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show or stop them. Errors: CommandError if their folder is not the user's alone."""
    from bandplan.cli.warm.ask import processes, stop
    from bandplan.cli.warm.switch import why_off

    try:
        found = stop(os.environ) if arguments.action == "stop" else list(processes(os.environ))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"warm processes: {reason}; remove that folder, or set BANDPLAN_WARM=0") from error
    for one in found:
        package = f", of the package in {one.about.root}" if one.about else ""
        print(f"stopped {one}" if arguments.action == "stop" else f"{one}{package} ({one.path})")
    if not found:
        print("no warm process is running")
    off = why_off(os.environ)
    if off and arguments.action == "status":
        print(f"this command does not use one: {off}", file=sys.stderr)
    return 0
