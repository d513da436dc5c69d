"""`bandplan schema`: print the JSON Schema of a file or of what `--json` prints; write or check that of models.yaml."""

import argparse
import json
from pathlib import Path

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import find_project

FILE = "schemas/models.schema.json"
FOLDER = Path(__file__).resolve().parents[2] / "schemas"
MODELS = "models"
NAMES = (MODELS, "output", "prices", "measurements", "bench")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        choices=NAMES,
        default=MODELS,
        metavar="NAME",
        help="models: of models.yaml (default); output: of what commands print with --json; prices, measurements, "
        "bench: of those files",
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--write", action="store_true", help=f"write {FILE}")
    ways.add_argument("--check", action="store_true", help=f"exit with status 1 if {FILE} is out of date")


def run(arguments: argparse.Namespace) -> int:
    if arguments.name != MODELS:
        if arguments.write or arguments.check:
            raise UsageProblem(f"--write, --check: only for {MODELS}, which is made from bandplan/serving/spec")
        print((FOLDER / f"{arguments.name}.schema.json").read_text(encoding="utf-8"), end="")
        return 0
    text = schema_text()
    if not (arguments.write or arguments.check):
        print(text, end="")
        return 0
    path = find_project(Path.cwd()).root / FILE
    if arguments.write:
        path.write_text(text, encoding="utf-8")
        return 0
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        raise CommandError(
            f"{path}: out of date with bandplan/serving/spec; run `bandplan schema --write` and commit the file"
        )
    return 0


def schema_text() -> str:
    """Return the schema as the committed file stores it."""
    from bandplan.serving.spec.schema import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
