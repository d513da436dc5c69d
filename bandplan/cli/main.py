"""Entry point of `bandplan`: find the command in a table, import only its module, and run it.

Exit status: 0 done; 1 the engine, the workspace or the platform refused; 2 wrong arguments, or errors in models.yaml;
130 interrupted.
"""

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, cast

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.interruption import interruptions_kept, is_interruption
from bandplan.cli.paint import say_finding
from bandplan.cli.parser import MISTYPED, Ended, Parser, RootParser
from bandplan.cli.progress import watched
from bandplan.embedded.terminal import close_the_door

COMMANDS = {
    "up": "deploy models.yaml, print the endpoints, and send each one query",
    "preview": "show what `up` would change, and change nothing",
    "query": "send a text to an endpoint, and print the answer as it arrives",
    "logs": "print the service log or the build log of an endpoint, once or as it grows",
    "open": "show an endpoint, or all of them, on the web page of the workspace",
    "drift": "report what in the workspace differs from what was deployed, and write nothing (exit status 3: drift)",
    "rollback": "restore an endpoint's previous version in models.yaml, and move all its traffic back in one step",
    "refresh": "update the state with what the workspace actually has",
    "adopt": "take existing endpoints over into models.yaml and the stack without changing them",
    "migrate": "convert legacy workloads in models.yaml to provisioned throughput, as a diff",
    "destroy": "delete every endpoint of the stack",
    "stack": "list the stacks, add one, or print a stack's state",
    "auth": "show who is logged in to a stack's workspace, and how",
    "stub": "start, stop, inspect or empty the local workspace",
    "validate": "check models.yaml and report every problem (exit status 2 on errors)",
    "size": "find the smallest band or model units for a demand and a latency target",
    "info": "show the legal bands or model units of a model, with what each gives and costs",
    "real-scale": "show how many tokens/s an endpoint actually scaled to, from its metrics",
    "observe": "store the last minute of every endpoint's metrics, once or for some time",
    "rightsize": "suggest a larger or smaller band from observed use, or say why there is not enough data",
    "bench": "measure the throughput and latency of an endpoint under load, or compare two measurements",
    "policy": "judge models.yaml against the policy pack, or list its rules",
    "report": "report what previews change in tokens/s, model units and money",
    "fetch-plan": "fetch the plan that was reviewed with a merged pull request (GitHub Actions, GitLab CI)",
    "drift-issue": "keep one issue per stack with what `drift --json` found (GitHub Actions)",
    "schema": "print the JSON Schema of models.yaml, or of what commands print with --json",
    "init": "write the files of a team's own repository",
    "check": "check everything that a change has to pass: models file, policies, workflows, own rules",
    "upgrade": "move a repository to another version of bandplan, with the files that init generated",
    "install-plugin": "install Pulumi's published plugin, which deploys to real workspaces",
    "docs": "list the pages of the documentation, or print one",
    "version": "show this installation and the versions of its dependencies",
    "completion": "print a script that lets bash, zsh or fish complete commands, options and names",
    "explain": "explain a code that a message names, such as S8-chunk",
    "doctor": "check what is installed, reachable, logged in and locked",
    "warm": "show or stop the processes that make commands start at once",
    "log-model": "log a checkpoint with MLflow as the platform requires, and register it",
}
"""Command name (its module in `bandplan.cli.commands`, `_` for `-`) -> what it does, in the order of docs/cli.md."""

GROUPS = {
    "Every day": ("validate", "preview", "up", "stack", "rollback", "refresh", "destroy", "stub"),
    "Endpoints": ("query", "logs", "open"),
    "Capacity and cost": ("size", "info", "rightsize", "observe", "real-scale", "bench", "report"),
    "Review": ("check", "policy", "drift", "explain"),
    "Begin and maintain": ("init", "adopt", "migrate", "log-model", "upgrade", "install-plugin"),
    "This installation": ("auth", "doctor", "warm", "version", "docs", "completion"),
    "For CI jobs": ("fetch-plan", "drift-issue", "schema"),
}
"""How `--help` groups the commands: title -> names."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
ROOM_NEEDED = "make the project folder readable and .bandplan/ writable, and free disk space if the disk is full"
SPACE_NEEDED = "free space where the output goes, and in the project folder"


class Command(Protocol):
    """The interface of a module of `bandplan.cli.commands`."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` (without the program's name) names, and return the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    open_what_is_closed()
    print_what_the_locale_can()
    close_the_door()
    leave_colours_to_us()
    try:
        with standing(), interruptions_kept():
            return run(argv)
    except CommandError as error:
        say_finding(f"error: {error}", sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`| head`) closed the pipe; the interpreter must not fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None and error.errno not in NO_ROOM:
            raise
        # Without a name it was standard output or a file that was open: the error does not say which.
        place, needed = (f"{error.filename}: ", ROOM_NEEDED) if error.filename is not None else ("", SPACE_NEEDED)
        say_finding(f"error: {place}{error.strerror}; {needed}", sys.stderr)
        return 1
    except Exception as error:
        if not is_interruption(error):
            raise
        print("interrupted", file=sys.stderr)
        return 130


def open_what_is_closed() -> None:
    """Read from and write to nothing where the caller closed a stream, as `bandplan drift >&-` does.

    A file that is opened later must not get the number of a stream either, because started programs write to that.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115


def print_what_the_locale_can() -> None:
    """Print `?` for a character that the terminal's encoding lacks, where Python would fail in the middle of a
    deployment.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def leave_colours_to_us() -> None:
    """Let Python print help, tracebacks and results of unittest without colours, also in programs started from here.

    It colours tracebacks from 3.13 on and the others from 3.14 on; the door would show the escape sequences as text.
    """
    os.environ["PYTHON_COLORS"] = "0"


def run(argv: Sequence[str]) -> int:
    """Parse and dispatch; argparse itself ends the process on a wrong argument (2) and on --help (0)."""
    parser, commands = command_parser()
    name = command_name(argv)
    try:
        if name in COMMANDS:
            load_command(name).configure(commands[name])
        arguments = parser.parse_args(argv)
    except (CommandError, Ended) as mistake:
        # `report --json FILE` is another option.
        if "--json" in argv and name in COMMANDS and name != "report":
            tell_mistake(name, mistake)
        raise
    arguments.typed = argv
    if getattr(arguments, "json", None) is not True:
        return carry_out(arguments)
    from bandplan.cli.json_output import failures_as_documents

    with failures_as_documents(arguments):
        return carry_out(arguments)


def tell_mistake(name: str, mistake: CommandError | Ended) -> None:
    """Print a document for arguments that cannot be meant; nothing for the help."""
    from bandplan.cli.json_output import failure_document, print_document

    if isinstance(mistake, CommandError):
        print_document(failure_document(name, str(mistake), mistake.exit_status))
    elif mistake.code == MISTYPED:
        print_document(failure_document(name, mistake.message.removeprefix("error: ").strip(), MISTYPED))


def carry_out(arguments: argparse.Namespace) -> int:
    """Run the command in its folder, or show the state of the project if there is none."""
    if arguments.folder is not None:
        change_folder(arguments.folder)
    require_folder()
    if getattr(arguments, "profile", None):
        os.environ["BANDPLAN_PROFILE"] = arguments.profile
    if arguments.command is None:
        from bandplan.cli.overview import show

        with watched("overview"):
            return show(os.environ)
    command = load_command(arguments.command)
    if getattr(arguments, "follow", False) or getattr(arguments, "watch", False):
        return command.run(arguments)  # silent until something happens
    with watched(arguments.command):
        return command.run(arguments)


def command_name(argv: Sequence[str]) -> str:
    """Return the first argument that is neither an option nor the folder of `-C`, or ""."""
    is_folder = False
    for argument in argv:
        if not argument.startswith("-") and not is_folder:
            return argument
        is_folder = argument == "-C"
    return ""


def command_parser() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser, and by name the still empty parser of each command."""
    parser = RootParser(
        prog="bandplan",
        usage="bandplan [-h] [-C FOLDER] [--version] COMMAND ...",
        description="LLM serving as code: deploy the fleet of models.yaml on Databricks provisioned throughput.",
        epilog="`bandplan COMMAND --help` explains one command.",
    )
    parser.add_argument("-C", dest="folder", metavar="FOLDER", type=Path, help="work in this folder instead of here")
    parser.add_argument("--version", action="version", version=f"bandplan {installed_version()}")
    parser.groups = {title: {name: COMMANDS[name] for name in names} for title, names in GROUPS.items()}
    # Shown by groups, not by argparse.
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog="bandplan", help=argparse.SUPPRESS, parser_class=Parser
    )
    return parser, {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}


def installed_version() -> str:
    """Return the version in `bandplan/cli/version.txt`, the only place that states it."""
    return (Path(__file__).parent / "version.txt").read_text(encoding="utf-8").strip()


def load_command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"bandplan.cli.commands.{name.replace('-', '_')}"))


@contextmanager
def standing() -> Iterator[None]:
    """Remember where the user stands during a command, also for the programs that it starts: paths in messages are
    relative to it.
    """
    with suppress(FileNotFoundError):
        os.environ["BANDPLAN_STANDING"] = os.getcwd()
    try:
        yield
    finally:
        os.environ.pop("BANDPLAN_STANDING", None)


def change_folder(folder: Path) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageProblem(f"-C {folder}: {error.strerror}") from error


def require_folder() -> None:
    """Raise UsageProblem if the working folder was removed, as by a `git checkout` in another terminal."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UsageProblem(
            "the working folder does not exist any more; go to one that does, or give -C FOLDER"
        ) from error


if __name__ == "__main__":
    from bandplan.cli.start import main as start

    sys.exit(start())
