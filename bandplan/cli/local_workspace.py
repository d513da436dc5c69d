"""The stub workspace of a project, for commands that need it."""

import sys
from pathlib import Path

from bandplan.cli.errors import CommandError
from bandplan.cli.progress import doing
from bandplan.cli.project import Project
from bandplan.stub.process import Running, StubError, holding_process, start, status

PROVISIONED, UNLIMITED = "provisioned", "unlimited"
"""Whether endpoints of the workspace serve at the rate of their capacity, or answer as fast as they can."""

NOT_RUNNING = "the local workspace is not running; start it with `bandplan stub start` or `bandplan up`"
RESTART = "run `bandplan stub stop`, then `bandplan stub start` (its contents are kept)"


def require_running(project: Project) -> None:
    """Raise CommandError if the project's stub does not run: for commands that only look, and so start nothing."""
    if status(project.stub_folder) is None:
        raise CommandError(why_absent(project.stub_folder))


def why_absent(folder: Path) -> str:
    """Say why the stub in `folder` does not answer, and what to do: it does not run, or its process says nothing."""
    process = holding_process(folder)
    if process is None:
        return NOT_RUNNING
    return (
        f"the local workspace does not answer: its process {process} is starting, stopped or stuck, or refuses "
        f"the token in {folder / 'token'}; try again, or {RESTART}"
    )


def running_stub(project: Project) -> Running:
    """Return the project's stub; if it is not running, start it in the background and say so on stderr.

    Errors: CommandError with the end of the stub's log.
    """
    before = status(project.stub_folder)
    if before is not None:
        return before
    try:
        with doing("starting the local workspace"):
            running = start(project.stub_folder, capacity=PROVISIONED)
    except StubError as error:
        raise CommandError(f"the local workspace did not start: {error}") from error
    print(f"started the local workspace at {running.host} (`bandplan stub stop` stops it)", file=sys.stderr)
    return running
