"""The entry or model that a command looks at, and the options that say where the entry is written."""

import argparse
from pathlib import Path

from bandplan.cli.stack_argument import add_stack_argument


def add_target_argument(parser: argparse.ArgumentParser, metavar: str, help: str, stack: str) -> None:
    """Add the target, `--stack`, which names `stack`, `--models` and `--entity`."""
    parser.add_argument("target", metavar=metavar, help=help)
    add_stack_argument(parser, stack)
    parser.add_argument("--models", type=Path, metavar="FILE", help="file with the entry (default: that of the stack)")
    parser.add_argument("--entity", metavar="NAME", help="served entity of an entry with several, as in ENTRY/ENTITY")


def is_model(target: str) -> bool:
    """Whether a target names a model, in three parts, and not an entry, whose entity may follow after a slash."""
    return "." in target.partition("/")[0]
