"""Colours: when they are used, what they change, and what they never let through."""

import io

import pytest

from bandplan.cli.paint import GREEN, RED, Painted, painted, say, say_finding
from bandplan.embedded.terminal import Door, is_coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "on_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"TERM": "xterm-256color"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "3", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_each_stream_is_judged_by_itself_and_by_the_variables(
    environ: dict[str, str], on_terminal: bool, elsewhere: bool
) -> None:
    assert is_coloured(Terminal(), environ) is on_terminal
    assert is_coloured(io.StringIO(), environ) is elsewhere


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_colours_only_add_to_words(plain: pytest.MonkeyPatch) -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        say_finding("models.yaml:7:3: error S8-chunk models/chat: 1500; warning: not", Door(stream))
        say_finding("error: nothing is there", Door(stream))
        say("check: ", painted("passed", GREEN), file=Door(stream))
    assert "\x1b" not in file.getvalue()
    assert "\x1b[1mmodels.yaml:7:3:\x1b[0m \x1b[31merror\x1b[0m S8-chunk" in terminal.getvalue()
    stripped = terminal.getvalue()
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m"):
        stripped = stripped.replace(code, "")
    assert stripped == file.getvalue()


def test_painted_text_of_others_controls_nothing(plain: pytest.MonkeyPatch) -> None:
    plain.setenv("GITHUB_ACTIONS", "true")
    plain.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    say(painted("\x1b[2Jname\x9b", RED), "\x1b]0;owned\x07", "\n::error::owned", file=Door(stream))
    told = stream.getvalue()
    assert told.count("\x1b") == 2 and "\x9b" not in told and "\x07" not in told
    assert "::error" not in told


def test_style_is_no_part_of_the_text() -> None:
    assert painted("READY", GREEN) == "READY" and isinstance(painted("x", RED), Painted)
