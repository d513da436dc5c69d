"""`bandplan docs`: the pages of the documentation, as this version has them."""

import argparse
import sys
from pathlib import Path

from bandplan.cli.columns import show_facts
from bandplan.cli.errors import CommandError, UsageProblem

FOLDER = Path(__file__).resolve().parents[2] / "docs"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", nargs="?", metavar="PAGE", help="page to print, such as policies (default: list them)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.serving.spec.problem import printable
    from bandplan.serving.spec.suggestion import did_you_mean

    pages = {path.stem: path for path in sorted(FOLDER.glob("*.md"), key=lambda path: path.stem)}
    if not pages:
        raise CommandError(f"{FOLDER}: has no pages; install bandplan again")
    if arguments.page is None:
        show_facts([(name, title(path)) for name, path in pages.items()])
        print("\n`bandplan docs PAGE` prints one of them", file=sys.stderr)
        return 0
    name = arguments.page.removeprefix("docs/").removesuffix(".md")
    if name not in pages:
        step = did_you_mean(name, list(pages), "`bandplan docs` lists them")
        raise UsageProblem(printable(f"{arguments.page}: no such page; {step}"))
    print(pages[name].read_text(encoding="utf-8"), end="")
    return 0


def title(path: Path) -> str:
    """Return the first heading of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), path.stem)
