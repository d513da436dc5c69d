"""The stub workspace of a project, for commands that need it."""

import sys

from bandplan.cli.errors import CommandError
from bandplan.cli.progress import doing
from bandplan.cli.project import Project
from bandplan.stub.process import Running, StubError, start, status

PROVISIONED, UNLIMITED = "provisioned", "unlimited"
"""Whether endpoints of the workspace serve at the rate of their capacity, or answer as fast as they can."""

NOT_RUNNING = "the local workspace is not running; start it with `bandplan stub start` or `bandplan up`"


def require_running(project: Project) -> None:
    """Raise CommandError if the project's stub does not run: for commands that only look, and so start nothing."""
    if status(project.stub_folder) is None:
        raise CommandError(NOT_RUNNING)


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
