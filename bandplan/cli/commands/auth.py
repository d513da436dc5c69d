"""`bandplan auth`: who is logged in to a stack's workspace, and how.

With --json: `version` (of this shape, 1), `command`, `stack`, `host`, `user`, `authType`, and `profile` (null without
one).
"""

import argparse
import json
import os
from pathlib import Path

from bandplan.cli.errors import CommandError
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument
from bandplan.cli.stack_choice import choose_stack

VERSION = 1


def configure(parser: argparse.ArgumentParser) -> None:
    add_stack_argument(parser, f"stack whose workspace to log in to (default: {LOCAL}, on this machine)")
    parser.add_argument("--json", action="store_true", help="print it as JSON (`bandplan schema output`)")


def run(arguments: argparse.Namespace) -> int:
    """Log in, ask the workspace who that is, and print one line. Errors: CommandError (1) that lists what was tried."""
    from bandplan.serving.workspace.client import from_environment
    from bandplan.serving.workspace.errors import WorkspaceError
    from bandplan.serving.workspace.identity import PROFILE

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    environ = choice.environ()
    try:
        client = from_environment(environ)
        user, auth_type = client.ping(), client.auth_type()
        profile = environ.get(PROFILE) or None
        place = f", profile {profile}{_open_to_others(environ)}" if profile else ""
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    if arguments.json:
        shown = {"stack": choice.stack, "host": client.host, "user": user, "authType": auth_type, "profile": profile}
        print(json.dumps({"version": VERSION, "command": "auth", **shown}, indent=2))
    else:
        print(f"{choice.stack}: {user} at {client.host} by {auth_type}{place}")
    return 0


def _open_to_others(environ: dict[str, str]) -> str:
    from bandplan.serving.workspace.profiles import read_config_file

    file = read_config_file(environ)
    return f" of {file.shown}" + (f" (other users may read it; run `chmod 600 {file.shown}`)" if file.is_open else "")
