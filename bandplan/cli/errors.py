"""What stops a command, as the user sees it.

CommandError        printed as `error: <message>`, exit status 1
├── UsageProblem    the command cannot be meant as it was given; exit status 2
└── NoProject       no project folder here or above; exit status 2
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from bandplan.serving.spec.problem import Problem


class CommandError(Exception):
    """An error that ends the command; its message is for the user and needs no traceback.

    `problems` are those of the models file that it is about, and were printed. `has_document`: the command has printed
    a document for `--json` that tells of the error.
    """

    exit_status: ClassVar[int] = 1
    has_document = False

    def __init__(self, message: str = "", problems: "Sequence[Problem]" = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class UsageProblem(CommandError):
    """Arguments that contradict each other or this machine's setup."""

    exit_status = 2


class NoProject(CommandError):
    """Neither the working directory nor a folder above it holds a Pulumi.yaml."""

    exit_status = 2
