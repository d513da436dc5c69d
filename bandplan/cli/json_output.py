"""What `--json` prints: one document, alone on stdout, for a failure too. `bandplan schema output` has every shape.

A failure that leaves a command nothing else to tell has a shape of its own: `failure`, `problems` and `exitStatus`.
"""

import argparse
import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bandplan.cli.errors import CommandError

if TYPE_CHECKING:
    from bandplan.serving.spec.problem import Problem

VERSION = 1
"""Of every shape that has no version of its own."""

INTERRUPTED = 130

_Done = TypeVar("_Done", bound="Done")


def print_document(document: Mapping[str, Any]) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False), flush=True)


@contextmanager
def all_else_on_stderr() -> Iterator[None]:
    """Send what is printed meanwhile, by this process and by those that it starts, to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 1)
        os.close(kept)


class Done(Protocol):
    """How a command ended."""

    @property
    def status(self) -> int:
        """The exit status."""
        ...


def answered(
    arguments: argparse.Namespace,
    act: Callable[[argparse.Namespace], _Done],
    document: Callable[[_Done], Mapping[str, Any]],
) -> int:
    """Carry out a command and return its exit status; with --json, print only its document on stdout."""
    if not arguments.json:
        return act(arguments).status
    with all_else_on_stderr():
        done = act(arguments)
    print_document(document(done))
    return done.status


@contextmanager
def failures_as_documents(arguments: argparse.Namespace) -> Iterator[None]:
    """Print a document for an error that ends the command, unless the command printed one, and raise it again."""
    command = command_of(arguments)
    try:
        yield
    except CommandError as error:
        if not error.has_document:
            print_document(failure_document(command, str(error), error.exit_status, error.problems))
        raise
    except KeyboardInterrupt:
        print_document(failure_document(command, "interrupted", INTERRUPTED))
        raise
    except OSError as error:
        if error.errno != errno.EPIPE and (error.filename is not None or error.errno is not None):
            place = f"{error.filename}: " if error.filename is not None else ""
            print_document(failure_document(command, f"{place}{error.strerror}", 1))
        raise


def command_of(arguments: argparse.Namespace) -> str:
    """Return the command with its action, if it has some."""
    return " ".join(filter(None, (arguments.command, getattr(arguments, "action", None))))


def failure_document(
    command: str, failure: str, exit_status: int, problems: "Sequence[Problem]" = ()
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "command": command,
        "failure": failure,
        "problems": [problem_fields(problem) for problem in problems],
        "exitStatus": exit_status,
    }


def problem_fields(problem: "Problem") -> dict[str, Any]:
    """Return a problem in its parts."""
    return {
        "severity": problem.severity,
        "id": problem.id,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "finding": problem.finding,
        "rule": problem.rule,
        "nextStep": problem.next_step,
    }
