"""The choice of the engine that executes a command."""

import shutil
from collections.abc import Mapping
from typing import Literal

from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import LOCAL

EngineName = Literal["pulumi", "embedded"]
ENGINES = ("pulumi", "embedded")


def choose_engine(asked: EngineName | None, stack: str, pulumi: str | None) -> EngineName:
    """Choose the requested engine, else `pulumi` if its executable was found (at the path `pulumi`), else the embedded
    one.

    Errors: UsageProblem if the required engine is not available.
    """
    if asked == "pulumi" and pulumi is None:
        raise UsageProblem("--engine pulumi: `pulumi` is not on PATH; install the Pulumi CLI, or remove --engine")
    if asked is not None:
        return asked
    if pulumi is not None:
        return "pulumi"
    if stack != LOCAL:
        raise UsageProblem(
            f"--stack {stack}: `pulumi` is not on PATH, and every stack except {LOCAL} is deployed by Pulumi; install "
            "the Pulumi CLI (for a workspace on this machine: --engine embedded)"
        )
    return "embedded"


def find_pulumi(environ: Mapping[str, str]) -> str | None:
    """Return the path of the `pulumi` executable on PATH, or None."""
    return shutil.which("pulumi", path=environ.get("PATH", ""))
