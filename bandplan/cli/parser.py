"""The argument parser of `bandplan`: argparse, with the nearest name for a mistyped command, option or choice."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

MISTYPED = 2
"""Exit status for wrong arguments, as argparse has it."""

SYNONYMS = {
    "apply": "up",
    "deploy": "up",
    "plan": "preview",
    "diff": "preview",
    "delete": "destroy",
    "down": "destroy",
    "import": "adopt",
    "new": "init",
    "lint": "validate",
    "test": "check",
    "stacks": "stack",
    "policies": "policy",
    "start": "up",
}
"""What other deployers call a command; spelling alone would suggest `destroy` for `deploy`."""

MOST_LISTED = 100
"""Most characters of a list of choices in a message; a choice."""


class Ended(SystemExit):
    """The end of the program that a parser decided on: after the help, or for a mistake."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status)
        self.message = message


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the nearest known word, and the help page of the command they belong to.

    Python 3.14 has `suggest_on_error`, for choices but not for options.
    """

    _is_mixing = False

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse every argument; one that no parser knows is an error of the command that it was given to."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = self.chosen(vars(parsed))
            command.error(unrecognized(unknown, command))
        return parsed

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse what this parser knows, also words between and after options, as in `query NAME --json TEXT`.

        argparse gives an optional word its default as soon as an option follows the word before it.
        """
        given = list(sys.argv[1:] if args is None else args)
        before = None if namespace is None else argparse.Namespace(**vars(namespace))
        parsed, unknown = super().parse_known_args(given, namespace)
        if self._is_mixing or not any(is_word(argument) for argument in unknown) or not self.takes_words():
            return parsed, unknown
        self._is_mixing = True
        try:
            mixed, left = self.parse_known_intermixed_args(given, before)
        finally:
            self._is_mixing = False
        return (parsed, unknown) if left else (mixed, left)

    def takes_words(self) -> bool:
        """Return whether it has arguments that are words, and no commands below it."""
        words = self._get_positional_actions()
        return bool(words) and not any(word.nargs in (argparse.PARSER, argparse.REMAINDER) for word in words)

    def chosen(self, values: Mapping[str, Any]) -> "Parser":
        """Return the parser of the command or action that was parsed."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                below = action.choices.get(values.get(action.dest) or "")
                return below.chosen(values) if isinstance(below, Parser) else self
        return self

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Print the message and end the program."""
        if message:
            self._print_message(message, sys.stderr)
        raise Ended(status, message or "")

    def error(self, message: str) -> NoReturn:
        """Print the mistake and the next step, without the usage, which would push the mistake off the screen."""
        self.exit(MISTYPED, f"error: {message}; run `{self.prog} --help` for what can be given\n")

    def format_help(self) -> str:
        """Format the help, with examples at its end."""
        from bandplan.cli.examples import EXAMPLES

        calls = EXAMPLES.get(self.prog.removeprefix("bandplan "), ())
        told = "".join(f"    {call}\n" for call in calls)
        return super().format_help() + (f"\nexamples:\n{told}" if told else "")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not one of the action's choices."""
        from bandplan.serving.spec.problem import printable
        from bandplan.serving.spec.suggestion import did_you_mean

        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        listed = ", ".join(known)
        otherwise = f"use one of: {listed}" if len(listed) <= MOST_LISTED else f"`{self.prog} --help` lists them"
        written = SYNONYMS.get(str(value), str(value))
        if isinstance(action, argparse._SubParsersAction):
            finding = f"{printable(str(value))}: no such {str(action.metavar or action.dest).lower()}"
        else:
            place = "/".join(action.option_strings) or str(action.metavar or action.dest)
            finding = f"{place} {printable(str(value))}: not one of its values"
        self.exit(MISTYPED, f"error: {finding}; {did_you_mean(written, known, otherwise)}\n")


class RootParser(Parser):
    """The parser of all commands, whose help shows them in `groups`: title -> command -> what it does."""

    groups: Mapping[str, Mapping[str, str]] = {}

    def format_help(self) -> str:
        """Format the help, with the groups before the options."""
        head, heading, options = super().format_help().partition("\noptions:\n")
        return f"{head}\n{grouped(self.groups)}{heading}{options}"


def is_word(argument: str) -> bool:
    return argument == "-" or not argument.startswith("-")


def grouped(groups: Mapping[str, Mapping[str, str]]) -> str:
    """Format the groups as wide as the terminal, as argparse formats the rest."""
    import shutil
    import textwrap

    width = max(shutil.get_terminal_size().columns - 2, 40)
    column = max((len(name) for names in groups.values() for name in names), default=0) + 6
    lines: list[str] = []
    for title, names in groups.items():
        lines += ["", f"{title}:"]
        for name, purpose in names.items():
            first, *rest = textwrap.wrap(purpose, width - column)
            lines += [f"    {name}".ljust(column) + first, *(" " * column + line for line in rest)]
    return "\n".join([*lines[1:], ""])


def unrecognized(unknown: Sequence[str], parser: Parser) -> str:
    """Name every argument that the command does not take, each with the option that was probably meant.

    The value of a mistyped option is part of that mistake.
    """
    from bandplan.serving.spec.problem import printable
    from bandplan.serving.spec.suggestion import nearest

    options = {option: action for action in parser._actions for option in action.option_strings if option[:2] == "--"}
    told: list[str] = []
    takes_value = False
    for argument in unknown:
        name, equals, _ = argument.partition("=")
        if not name.startswith("-") and takes_value:
            takes_value = False
            continue
        meant = nearest(name, options) if name.startswith("-") else None
        takes_value = meant is not None and not equals and options[meant].nargs != 0
        told.append(printable(name) + (f" (did you mean {meant}?)" if meant else ""))
    return f"{parser.prog} does not take {', '.join(told)}"
