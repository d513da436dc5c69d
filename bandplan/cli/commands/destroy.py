"""`bandplan destroy`: delete every endpoint of the stack; the stack itself and its history stay."""

import argparse

from bandplan.cli.stack_engine import add_change_arguments, open_stack, options_of


def configure(parser: argparse.ArgumentParser) -> None:
    add_change_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return 0 if open_stack(arguments).engine.destroy(options_of(arguments)).ok else 1
