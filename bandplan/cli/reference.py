"""The generated files of this repository: `python -m bandplan.cli.reference --check | --write`.

docs/cli.md is made from the commands' own arguments, docs/rules.md from the rules, and the workflows that `bandplan
init` writes from this repository's own.
"""

import argparse
import sys
from pathlib import Path

from bandplan.cli.main import COMMANDS, command_parser, load_command
from bandplan.cli.workflow_templates import workflow_templates
from bandplan.serving.throughput import rule_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FILE = DOCS / "cli.md"

TEMPLATES = ROOT / "bandplan" / "starter" / "templates"

INTRODUCTION = """\
# Commands

Generated from the commands by `make format`; `make check` reports when it is out of date.

`bandplan [-C FOLDER] COMMAND ...` works on the project of the working directory (or of FOLDER), or of a folder above
it. `pip install bandplan` puts it on PATH; in a clone of bandplan's own repository, `make` installs it into
`.venv/bin`, and the make targets of the same names call it. Without COMMAND it shows the state of the project and the
next step. A mistyped command, option or stack gets the nearest name.

Exit status, with either engine: 0 done; 1 the engine, a policy, the workspace or the platform refused; 2 wrong
arguments, or errors in `models.yaml` that show before anything is changed (1 for `check`, as for every part that
fails); 3 drift found by `drift`; 130 interrupted.

| variable | read for |
|---|---|
| `DATABRICKS_HOST`, `DATABRICKS_TOKEN` | the workspace of every stack but `local`; never given as arguments |
| `BANDPLAN_MODELS` | the models file, if it is not `models.yaml`; relative to the project |
| `DATABRICKS_CONFIG_PROFILE`, `DATABRICKS_AUTH_TYPE`, and others of the SDKs | any other login (docs/login.md) |
| `BANDPLAN_ENGINE` | the default of `--engine` |
| `BANDPLAN_MEASURED` | a file of measured usage for `stop_if` of rollouts, relative to the project (docs/rollout.md) |
| `BANDPLAN_AT_ONCE` | comma-separated endpoints whose rollout takes no steps in this run |
| `BANDPLAN_PROGRESS` | `0`: print no progress (docs/output.md) |
| `NO_COLOR`, `FORCE_COLOR`, `TERM` | whether to use colours (docs/output.md) |
| `BANDPLAN_DATABRICKS_PLUGIN` | `published`: deploy `local` with the plugin that Pulumi finds instead of the stand-in |
| `PULUMI_*` | the user's own Pulumi settings, for every stack but `local`, which has its own backend in `.bandplan/` |

Commands with `--json` print one JSON document and nothing else on standard output; progress, tables and messages go to
standard error, and the exit status is the same as without. `bandplan schema output` prints the JSON Schema, with the
shape of each under `$defs`. A document names its `command` and the `version` of its shape, which grows when a key is
removed or changes its meaning; keys may be added without. `preview` and `policy test` print the shape of Pulumi's own
`preview --json`, `query` what the endpoint answers.

A command that ends with an error prints a document too: `failure` (a line), `exitStatus`, and `problems`, each with
severity, code, place, finding, rule and next step. `up --json` has the same shape with both engines: what was done
(`steps`, without values), problems, policy findings, and the endpoints with their state.

Text from `models.yaml`, a workspace or any other file cannot control the terminal: control characters, marks that
change the text direction, and zero-width characters are written as escapes such as `\\u202e`, which JSON reads as the
same text. (Output of `pulumi` goes straight to the terminal. It quotes values and shows messages unchanged.)
"""


def main(way: str, docs: Path = DOCS, templates: Path = TEMPLATES) -> int:
    """Write the files (`--write`), or report those that are out of date and return 1 (`--check`)."""
    wanted = {docs / "cli.md": reference(), docs / "rules.md": rule_page.markdown()}
    wanted |= {templates / name: text for name, text in workflow_templates(ROOT).items()}
    stale = [
        (path, text) for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if way == "--write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        else:
            name = f"{path.parent.name}/{path.name}"
            print(f"error: {name} is out of date; run `make format` and commit it", file=sys.stderr)
    return 1 if stale and way != "--write" else 0


def reference() -> str:
    """Build the whole page."""
    _, parsers = command_parser()
    sections = [INTRODUCTION]
    for name, purpose in COMMANDS.items():
        load_command(name).configure(parsers[name])
        sections.append("\n".join([f"## bandplan {name}", "", f"{sentence(purpose)}", *arguments(parsers[name], name)]))
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def arguments(parser: argparse.ArgumentParser, name: str) -> list[str]:
    """Format a table of the parser's options, then the same for each of its actions.

    Not `format_help`, whose wording differs between Python versions.
    """
    lines: list[str] = []
    arguments_taken = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    shown = [action for action in arguments_taken if action.help and action.help != argparse.SUPPRESS]
    given = [action for action in shown if not action.option_strings]
    if given:
        lines += [
            "",
            "| argument | |",
            "|---|---|",
            *(f"| `{value(action)}` | {help_of(action)} |" for action in given),
        ]
    options = [action for action in parser._actions if action.option_strings and action.dest != "help"]
    if options:
        lines += ["", "| option | |", "|---|---|"]
        lines += [f"| `{usage(option)}` | {help_of(option)} |" for option in options]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            purposes = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, below in action.choices.items():
                title = f"{name} {word}"
                lines += ["", f"### bandplan {title}", "", sentence(purposes[word]), *arguments(below, title)]
    return lines


def usage(option: argparse.Action) -> str:
    """Format an option as `--stack STACK`, `--engine pulumi|embedded` or `--yes`."""
    if option.nargs == 0:
        return ", ".join(option.option_strings)
    return f"{', '.join(option.option_strings)} {value(option)}"


def value(action: argparse.Action) -> str:
    """Format what is given for an argument, in a cell of a table, where `|` would begin the next cell."""
    given = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    return str(given).replace("|", "\\|")


def help_of(action: argparse.Action) -> str:
    """Return the help of an argument; argparse takes a percent sign twice."""
    return (action.help or "").replace("%%", "%")


def sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
