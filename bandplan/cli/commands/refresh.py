"""`bandplan refresh`: update the state with what the workspace actually has; change no endpoint."""

import argparse

from bandplan.cli.stack_engine import add_change_arguments, open_stack, options_of


def configure(parser: argparse.ArgumentParser) -> None:
    add_change_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return 0 if open_stack(arguments).engine.refresh(options_of(arguments)).ok else 1
