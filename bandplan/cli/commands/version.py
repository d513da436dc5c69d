"""`bandplan version`: this installation, what it depends on, and the `pulumi` CLI that it would use."""

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bandplan.cli.columns import show_facts
from bandplan.cli.engines.choice import find_pulumi
from bandplan.cli.main import installed_version

CORE = (
    "databricks-sdk",
    "grpcio",
    "httptools",
    "jsonschema",
    "pip",
    "protobuf",
    "pulumi",
    "pulumi-databricks",
    "pydantic",
    "pyyaml",
    "rich",
    "starlette",
    "urllib3",
    "uvicorn",
)
"""The direct dependencies; a test compares them with pyproject.toml."""

EXTRAS = {"register": ("mlflow", "transformers")}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON (`bandplan schema output`)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.json:
        from bandplan.cli.json_output import print_document

        print_document(document())
    else:
        show_facts(parts())
    return 0


def document() -> dict[str, Any]:
    """Return what `--json` prints: null for what is not installed."""
    from bandplan.cli.json_output import VERSION

    return {
        "version": VERSION,
        "command": "version",
        "bandplan": installed_version(),
        "python": {"version": platform.python_version(), "path": sys.executable},
        "pulumi": find_pulumi(os.environ),
        "packages": {name: installed(name) for name in (*CORE, *(one for names in EXTRAS.values() for one in names))},
    }


def parts() -> list[tuple[str, str]]:
    """Return each part with its version; an extra that is not installed says how to get it."""
    rows = [
        ("bandplan", installed_version()),
        ("python", f"{platform.python_version()} ({sys.executable})"),
        ("pulumi CLI", find_pulumi(os.environ) or "not on PATH (only real workspaces need it)"),
        *((name, installed(name) or "not installed") for name in CORE),
    ]
    for extra, names in EXTRAS.items():
        found = [installed(name) for name in names]
        if any(found):
            rows += [(name, there or "not installed") for name, there in zip(names, found, strict=True)]
        else:
            step = f"entries with `{extra}:` need `pip install 'bandplan[{extra}]'`"
            rows.append((f"[{extra}]", f"not installed; {step}"))
    return rows


def installed(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
