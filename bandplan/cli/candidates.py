"""What a shell may complete a command line with: commands, options and their values, and names of the project.

Reads files alone, contacts nobody, and returns nothing where a command would report an error.
"""

import argparse
import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bandplan.cli.errors import CommandError
from bandplan.cli.project import LOCAL, find_project

FILES: Final = "\0files"
"""Stands for: whatever file there is, which the shell itself completes."""

Candidate = tuple[str, str]
"""A word, and what it is."""


def candidates(words: Sequence[str]) -> list[Candidate]:
    """Return what the last of `words` (without the program's name) may be completed to; FILES stands for files."""
    from bandplan.cli.main import COMMANDS, command_name, command_parser, load_command

    *before, written = words or [""]
    parser, parsers = command_parser()
    if before[-1:] == ["-C"]:
        return [(FILES, "")]
    name = command_name(before)
    if not name:
        found = [*COMMANDS.items(), *_options(parser, before)]
        return _beginning(found, written)
    if name not in COMMANDS:
        return []
    # `-C stack stack`: a folder may be called like a command.
    at = next(at for at, word in enumerate(before) if word == name and before[at - 1 : at] != ["-C"])
    folder = Path(before[before.index("-C") + 1]) if "-C" in before[:at] else Path()
    load_command(name).configure(parsers[name])
    return _beginning(_below(parsers[name], before[at + 1 :], written, folder), written)


def _below(parser: argparse.ArgumentParser, before: Sequence[str], written: str, folder: Path) -> list[Candidate]:
    """Return the candidates in a command whose arguments so far are `before`."""
    options = {option: action for action in parser._actions for option in action.option_strings}
    last = options.get(before[-1]) if before else None
    if last is not None and last.nargs != 0:
        return _values(last, folder)
    values = {at + 1 for at, word in enumerate(before) if word in options and options[word].nargs != 0}
    given = [(at, word) for at, word in enumerate(before) if at not in values and not word.startswith("-")]
    positionals = [action for action in parser._actions if not action.option_strings]
    for action in positionals:
        if isinstance(action, argparse._SubParsersAction):
            if not given:
                return [(one.dest, one.help or "") for one in action._choices_actions]
            at, word = given[0]
            below = action.choices.get(word)
            return _below(below, before[at + 1 :], written, folder) if below is not None else []
    if written.startswith("-") or not positionals:
        return _options(parser, before)
    action = positionals[min(len(given), len(positionals) - 1)]
    if len(given) >= len(positionals) and action.nargs not in ("*", "+"):
        return _options(parser, before)
    said = {word for _, word in given}
    return [one for one in _values(action, folder) if one[0] not in said]


def _options(parser: argparse.ArgumentParser, before: Sequence[str]) -> list[Candidate]:
    """Return the long options that were not given yet."""
    return [
        (option, action.help or "")
        for action in parser._actions
        for option in action.option_strings[-1:]
        if action.help != argparse.SUPPRESS and not set(action.option_strings) & set(before)
    ]


def _values(action: argparse.Action, folder: Path) -> list[Candidate]:
    """Return the values of an option or an argument that are known, or FILES."""
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    what = str(action.metavar or "")
    if what in ("FILE", "FOLDER", "PYTHON") or action.type is Path:
        return [(FILES, "")]
    for kind, names in NAMES.items():
        is_meant = action.dest == kind if action.option_strings else kind in what.split("|")
        if is_meant:
            with contextlib.suppress(CommandError, OSError, UnicodeDecodeError, ValueError):
                return [(name, "") for name in names(folder)]
    return []


def _beginning(found: Iterable[Candidate], written: str) -> list[Candidate]:
    return [one for one in found if one[0] == FILES or one[0].startswith(written)]


def _stacks(folder: Path) -> list[str]:
    from bandplan.cli.engines.checkpoint import stack_names

    project = find_project(folder)
    return sorted({LOCAL, *project.configured_stacks, *stack_names(project.state_folder, project.name)})


def _endpoints(folder: Path) -> list[str]:
    """Return the names of the models file's entries, by its lines: parsing it as YAML takes ten times as long."""
    from bandplan.cli.stack_choice import StackChoice

    text = StackChoice(find_project(folder), LOCAL, os.environ).models.read_text(encoding="utf-8")
    found = re.findall(r"""^( *)- *\{? *name: *["']?([A-Za-z0-9][\w-]*)""", text, re.MULTILINE)
    least = min((len(indent) for indent, _ in found), default=0)
    return [name for indent, name in found if len(indent) == least]


def _profiles(folder: Path) -> list[str]:
    """Return the profiles of the configuration file of the Databricks tools."""
    file = Path(os.environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg").expanduser()
    return re.findall(r"^\[([^\]\n]+)\]", file.read_text(encoding="utf-8"), re.MULTILINE)


def _pages(folder: Path) -> list[str]:
    from bandplan.cli.commands.docs import FOLDER

    return sorted(path.stem for path in FOLDER.glob("*.md"))


def _codes(folder: Path) -> list[str]:
    from bandplan.cli.commands.explain import rules_of_the_file, rules_of_the_pack

    return [*rules_of_the_file(), *rules_of_the_pack()]


NAMES: Final[Mapping[str, Callable[[Path], list[str]]]] = {
    "stack": _stacks,
    "profile": _profiles,
    "ENDPOINT": _endpoints,
    "ENTRY": _endpoints,
    "NAME": _endpoints,
    "PAGE": _pages,
    "CODE": _codes,
}
"""By an option's destination or an argument's metavariable, the names that a project has."""
