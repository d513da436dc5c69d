import argparse

import pytest

from bandplan.cli.main import COMMANDS, GROUPS, command_name, command_parser, load_command, main
from bandplan.cli.parser import SYNONYMS


def arguments_of(argv: list[str]) -> argparse.Namespace:
    """Parse the arguments of a command without running it."""
    parser, commands = command_parser()
    load_command(argv[0]).configure(commands[argv[0]])
    parsed: argparse.Namespace = parser.parse_args(argv)
    return parsed


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


MISTYPED = {
    "prevew": "error: prevew: no such command; did you mean preview?\n",
    "deploy": "error: deploy: no such command; did you mean up?\n",
    "stack lss": "error: lss: no such action; did you mean ls?\n",
    "stack xyz": "error: xyz: no such action; use one of: ls, new, export\n",
    "preview --engine pulumni": "error: --engine pulumni: not one of its values; did you mean pulumi?\n",
    "policy test --jsn": "error: bandplan policy test does not take --jsn (did you mean --json?); "
    "run `bandplan policy test --help` for what can be given\n",
    "completion": "error: the following arguments are required: SHELL; "
    "run `bandplan completion --help` for what can be given\n",
    "--verson": "error: bandplan does not take --verson (did you mean --version?); "
    "run `bandplan --help` for what can be given\n",
}


@pytest.mark.parametrize("written", MISTYPED)
def test_mistyped_word_gets_the_nearest_one_in_one_line(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, *written.split()) == MISTYPED[written]


def test_every_unknown_option_is_named_and_its_value_is_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "preview", "--stak", "prod", "--ofline", "prod")
    assert "does not take --stak (did you mean --stack?), --ofline (did you mean --offline?), prod; run" in said


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("query chat --json hi", {"endpoint": "chat", "text": "hi", "json": True}),
        ("query chat --max-tokens 5 --stack dev hi --json", {"text": "hi", "max_tokens": 5, "stack": "dev"}),
        ("query chat --json -", {"text": "-"}),
        ("query chat --json", {"text": None}),
        ("query chat -- -hi", {"text": "-hi"}),
        ("bench compare --fail-if p95_ttft>5% a.json b.json", {"words": ["compare", "a.json", "b.json"]}),
        ("observe a --for 1h b", {"endpoint": ["a", "b"]}),
    ],
)
def test_words_may_stand_before_and_after_options(written: str, words: dict[str, object]) -> None:
    parsed = vars(arguments_of(written.split()))
    assert {name: parsed[name] for name in words} == words


def test_word_too_many_is_named_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert "bandplan logs does not take b; run" in refused(capsys, "logs", "a", "--tail", "3", "b")
    assert "does not take --jsn (did you mean --json?), hi; run" in refused(capsys, "query", "chat", "--jsn", "hi")


def test_word_that_resembles_nothing_is_sent_to_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "qqqqq") == "error: qqqqq: no such command; `bandplan --help` lists them\n"


def test_mistyped_word_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in refused(capsys, "pre\x1b[2Jview") + refused(capsys, "preview", "--x\x1b[2J")


@pytest.mark.parametrize("version", ["x", "v2", "0", "champion"])
def test_rollback_goes_to_a_number(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "rollback", "chat", "--to", version)
    assert f"argument --to: '{version}' must be an integer from 1 to 999,999,999" in said


@pytest.mark.parametrize("stack", ["lokal", "prdo"])
def test_mistyped_stack_gets_the_nearest_one(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--offline", "--stack", stack]) == 2
    assert f"did you mean {'local' if stack == 'lokal' else 'prod'}?" in capsys.readouterr().err


def test_synonyms_are_no_commands_and_lead_to_commands() -> None:
    assert not SYNONYMS.keys() & COMMANDS.keys()
    assert set(SYNONYMS.values()) <= COMMANDS.keys()


def test_help_shows_every_command_in_one_group_within_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.endswith(":")] == [
        *(f"{title}:" for title in GROUPS),
        "options:",
    ]
    assert max(map(len, shown.splitlines())) <= 80
    assert "==SUPPRESS==" not in shown


@pytest.mark.parametrize("asked", ["--help", "up --help", "policy test --help"])
def test_help_is_the_same_with_colours(
    asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = []
    for forced in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", forced)
        monkeypatch.setenv("PYTHON_COLORS", forced)
        with pytest.raises(SystemExit):
            main(asked.split())
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert "\noptions:\n" in shown[0]


def test_folder_with_the_name_of_a_command_is_not_taken_for_it() -> None:
    assert command_name(["-C", "docs", "validate", "--offline"]) == "validate"
    assert command_name(["-Cdocs", "validate"]) == "validate"
    assert command_name(["--version"]) == ""
