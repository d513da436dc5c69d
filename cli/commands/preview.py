"""`bandplan preview`: what `up` would change."""

import argparse

from cli.deployment import add_run_arguments, open_deployment, options_of


def configure(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the plan in the shape of `pulumi preview --json`")
    parser.add_argument("--refresh", action="store_true", help="read what the workspace really has before planning")


def run(arguments: argparse.Namespace) -> int:
    return 0 if open_deployment(arguments).engine.preview(options_of(arguments)).ok else 1
