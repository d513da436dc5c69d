"""`bandplan install-plugin`: install the published `databricks` plugin that Pulumi deploys real workspaces with."""

import argparse
import os
from pathlib import Path

from bandplan.cli.errors import UsageProblem


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the version is that of the installed pulumi-databricks."""


def run(arguments: argparse.Namespace) -> int:
    from importlib.metadata import version

    from bandplan.cli.engines.choice import find_pulumi
    from bandplan.cli.engines.published_plugin import PACKAGE, is_installed, require_plugin

    pulumi = find_pulumi(os.environ)
    if pulumi is None:
        raise UsageProblem("`pulumi` is not on PATH; install the Pulumi CLI (pulumi.com/docs/install), 3.260 or later")
    release = version(PACKAGE)
    if is_installed(release, os.environ):
        print(f"Pulumi has the plugin databricks {release}")
        return 0
    require_plugin(pulumi, os.environ, Path.cwd())
    return 0
