"""`--stack` and `--profile`, of every command that contacts a workspace."""

import argparse

from bandplan.cli.project import LOCAL


def add_stack_argument(parser: argparse._ActionsContainer, what: str) -> None:
    """Add `--stack`, which names `what`, and `--profile`."""
    parser.add_argument("--stack", default=LOCAL, help=what)
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="profile of ~/.databrickscfg to log in with, instead of any other login (see `bandplan docs login`)",
    )
