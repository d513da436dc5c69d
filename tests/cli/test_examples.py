import argparse
import re
import shlex

import pytest

from bandplan.cli.examples import EXAMPLES
from bandplan.cli.main import COMMANDS, command_parser, load_command, main


def leaves() -> list[str]:
    """Every command, or each of its actions where it has some."""
    _, parsers = command_parser()
    found: list[str] = []
    for name in COMMANDS:
        load_command(name).configure(parsers[name])
        below = [one for one in parsers[name]._actions if isinstance(one, argparse._SubParsersAction) and one.required]
        found += [f"{name} {word}" for one in below for word in one.choices] or [name]
    return found


def test_every_command_and_action_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(leaves())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_calls_of_their_command_that_parse(name: str) -> None:
    for call in EXAMPLES[name]:
        found = re.search(r"bandplan ([^<>)]+)", call)
        assert found is not None
        words = shlex.split(found[1])
        assert " ".join(words).startswith(name)
        parser, parsers = command_parser()
        load_command(words[0]).configure(parsers[words[0]])
        parser.parse_args(words)


def test_help_of_an_action_ends_with_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stack", "ls", "--help"])
    assert capsys.readouterr().out.endswith("\nexamples:\n    bandplan stack ls --json\n")
