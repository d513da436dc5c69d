"""What stops a command, as the user sees it.

CommandError        printed as `error: <message>`, exit status 1
├── UsageProblem    the command cannot be meant as it was given; exit status 2
└── NoProject       no project folder here or above; exit status 2
"""

from typing import ClassVar


class CommandError(Exception):
    """An error that ends the command; its message is for the user and needs no traceback."""

    exit_status: ClassVar[int] = 1


class UsageProblem(CommandError):
    """Arguments that contradict each other or this machine's setup."""

    exit_status = 2


class NoProject(CommandError):
    """Neither the working directory nor a folder above it holds a Pulumi.yaml."""

    exit_status = 2
