"""`bandplan open`: show an endpoint, or all of them, on the web page of a stack's workspace.

The local workspace has a page of its own, which a link opens once; any other has that of the platform, with its own
login. Source of the paths of the platform's page: github.com/databricks/cli, libs/workspaceurls (read 2026-11).
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.workspace.client import WorkspaceClient


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("endpoint", nargs="?", metavar="ENDPOINT", help="endpoint to show (default: all)")
    add_stack_argument(parser, f"stack whose workspace to show (default: {LOCAL})")
    parser.add_argument(
        "--print",
        action="store_true",
        help="print the address instead of opening it, which is also done in CI and where there is no display",
    )


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.workspace.errors import WorkspaceError

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL:
        require_running(choice.project)
    try:
        client = choice.client()
        return show(choice, client, arguments, os.environ)
    except WorkspaceError as error:
        raise CommandError(str(error)) from error


def show(
    choice: "StackChoice", client: "WorkspaceClient", arguments: argparse.Namespace, environ: Mapping[str, str]
) -> int:
    """Open the page, or print its address where nobody could see a window."""
    from bandplan.cli.browser import is_usable, open_link, open_url
    from bandplan.cli.local_page import ABOUT

    name = arguments.endpoint
    if name is not None:
        require_endpoint(choice, client, name)
    link = one_time_link(client, name) if client.address.is_loopback else None
    if not arguments.print and is_usable(environ, is_terminal=sys.stdout.isatty()):
        shown = f"{name or 'the workspace'} in the browser"
        folder = choice.project.stub_folder if choice.stack == LOCAL else choice.project.own_folder
        if open_link(link, choice.project.make_private(folder)) if link else open_url(address(client.host, name)):
            print(f"opened {shown}")
            return 0
        print("no browser was found; open this address yourself:", file=sys.stderr)
    print(link or address(client.host, name))
    if link:
        print(ABOUT, file=sys.stderr)
    return 0


def address(host: str, endpoint: str | None) -> str:
    """Return where the platform's page shows an endpoint, or all of them."""
    return f"{host}/ml/endpoints" + (f"/{quote(endpoint, safe='')}" if endpoint is not None else "")


def one_time_link(client: "WorkspaceClient", endpoint: str | None) -> str | None:
    """Return a link to the page of a local workspace; None for another server on this machine."""
    from bandplan.serving.workspace.errors import NotFound

    try:
        link = str(client.post("/stub/page/links", {})["url"])
    except NotFound:
        return None
    return f"{link}&endpoint={quote(endpoint, safe='')}" if endpoint is not None else link


def require_endpoint(choice: "StackChoice", client: "WorkspaceClient", name: str) -> None:
    """Raise UsageProblem, with the nearest name, if the workspace answers that it has no such endpoint.

    A workspace that cannot be asked is no reason not to open its page, where the user may be logged in.
    """
    from bandplan.cli.live_endpoint import unknown_endpoint
    from bandplan.serving.workspace.errors import NotFound, WorkspaceError

    try:
        client.require_answer()
        client.get(f"/api/2.0/serving-endpoints/{quote(name, safe='')}")
    except NotFound as error:
        raise UsageProblem(unknown_endpoint(choice, name)) from error
    except WorkspaceError as error:
        print(f"warning: {name} was not looked up: {error}", file=sys.stderr)
