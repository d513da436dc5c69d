"""`--format` and `--sarif` of the commands that judge a models file, and what they write."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.whole_file import replace_file

if TYPE_CHECKING:
    from bandplan.cli.annotations.annotation import Annotation
    from bandplan.cli.project import Project

FORMATS = ("text", "github", "sarif")


@dataclass
class Findings:
    """What a command found, gathered while it runs. `failure` is what could not be checked, and why."""

    annotations: list["Annotation"] = field(default_factory=list)
    failure: str | None = None


def add_format_arguments(parser: argparse.ArgumentParser, among: "argparse._ActionsContainer | None" = None) -> None:
    """Add both options; `among` is a group of options that exclude `--format`."""
    (among or parser).add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="github: also write findings as annotations of a GitHub Actions job; sarif: print SARIF 2.1.0, and the "
        "text on standard error",
    )
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="also write the findings to FILE as SARIF 2.1.0")


@contextmanager
def published(arguments: argparse.Namespace, project: "Project", run: str) -> Iterator[Findings]:
    """Yield the findings to fill, and publish them as the options say; `run` names what is checked."""
    findings = Findings()
    is_document = arguments.format == "sarif"
    with contextlib.redirect_stdout(sys.stderr) if is_document else contextlib.nullcontext():
        yield findings
    if arguments.format == "github":
        annotate(findings.annotations)
    if is_document or arguments.sarif is not None:
        text = document(findings, project, run)
        if arguments.sarif is not None:
            write(arguments.sarif, text)
        if is_document:
            print(text)


def annotate(annotations: list["Annotation"]) -> None:
    """Write the workflow commands, after the text, which has every finding."""
    from bandplan.cli.annotations.github import left_out, workflow_commands
    from bandplan.embedded.terminal import tell_runner

    for command in workflow_commands(annotations):
        tell_runner(command)
    if more := left_out(annotations):
        print(more, flush=True)


def document(findings: Findings, project: "Project", run: str) -> str:
    from bandplan.cli.annotations.sarif import sarif
    from bandplan.cli.main import installed_version

    texts = texts_of(project, {one.code for one in findings.annotations})
    return json.dumps(sarif(findings.annotations, texts, run, installed_version(), findings.failure), indent=2)


def texts_of(project: "Project", codes: set[str]) -> Mapping[str, str]:
    """Return one sentence for each code: that of its rule, or of its policy."""
    from bandplan.cli.commands.explain import rules_of_the_file

    texts = {name: rule.text for name, rule in rules_of_the_file().items()}
    if codes - texts.keys():
        from bandplan.policies.own import rules_of

        texts.update({rule.id: rule.description for rule in rules_of(project.root)})
    return texts


def write(path: Path, text: str) -> None:
    """Write the file in one piece. Errors: CommandError."""
    from bandplan.cli.errors import CommandError

    try:
        replace_file(path, f"{text}\n".encode())
    except OSError as error:
        raise CommandError(f"--sarif {path}: cannot be written: {error.strerror}") from error
