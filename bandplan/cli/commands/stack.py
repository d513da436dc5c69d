"""`bandplan stack ls | new | export`: list the stacks, add one to the project, or print a stack's state as JSON."""

import argparse
import json
import os
from pathlib import Path

from bandplan.cli.engines.choice import choose_engine
from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import Project, find_project
from bandplan.cli.stack_choice import choose_stack
from bandplan.cli.stack_engine import add_stack_arguments, make_engine

VERSION = 1
"""Of the shape that `ls --json` prints."""


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="list the stacks, with their last update")
    add_stack_arguments(listing)
    listing.add_argument("--json", action="store_true", help="print the stacks as JSON (`bandplan schema output`)")
    adding = actions.add_parser("new", help="add a stack: its files, and its jobs in the generated workflows")
    adding.add_argument("name", metavar="NAME[=URL]", help="its name, and the URL of its workspace")
    adding.add_argument(
        "--before",
        metavar="STACK",
        help="deploy it right before this one (default: before production, or last)",
    )
    add_stack_arguments(actions.add_parser("export", help="print the state, as `pulumi stack export` does"))


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.engines.choice import find_pulumi

    project = find_project(Path.cwd())
    if arguments.action == "new":
        return add_stack(project, arguments.name, arguments.before)
    if arguments.action == "export":
        choose_stack(project, arguments.stack, os.environ)
    name = choose_engine(arguments.engine, arguments.stack, find_pulumi(os.environ))
    engine = make_engine(name, project, arguments.stack, os.environ)
    if arguments.action == "ls" and arguments.json:
        print(json.dumps({"version": VERSION, "command": "stack ls", "stacks": engine.stacks()}, indent=2))
        return 0
    result = engine.list_stacks() if arguments.action == "ls" else engine.export()
    return 0 if result.ok else 1


def add_stack(project: Project, named: str, before: str | None) -> int:
    """Add a stack to the project. Errors: UsageProblem."""
    from bandplan.cli.new_stack import plan_stack, tell, write_stack
    from bandplan.cli.starter_answers import stack_of

    problems: list[str] = []
    stack = stack_of(named, problems, "stack")
    if problems:
        raise UsageProblem("\n".join(problems))
    new = plan_stack(project, stack, before)
    write_stack(project, new)
    tell(new)
    return 0
