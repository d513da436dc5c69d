"""A command that prints nothing says what it waits for; the line is gone before anything is printed."""

import io
import os
import pty
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli import columns
from bandplan.cli.progress import ERASED, Phase, Progress, always, doing, never, watched
from bandplan.embedded.terminal import Door
from bandplan.rest import connections
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def on_terminal(clock: Clock) -> tuple[Progress, Terminal]:
    stream = Terminal()
    return Progress("drift", stream, (stream,), clock), stream


def ticks(watched: Progress, clock: Clock, seconds: float) -> None:
    """Let time pass in the steps in which the thread looks."""
    for _ in range(round(seconds / 0.2)):
        clock.now = round(clock.now + 0.2, 1)
        watched.tick()


def test_line_is_drawn_each_second_of_silence_and_erased_before_a_text(clock: Clock) -> None:
    watched, stream = on_terminal(clock)
    ticks(watched, clock, 0.6)
    assert stream.getvalue() == ""
    ticks(watched, clock, 2.4)
    assert stream.getvalue() == "".join(f"{ERASED}drift ({seconds} s)\r" for seconds in (1, 2, 3))
    watched.note(stream, "a line\n")
    assert stream.getvalue().endswith(f"\r{ERASED}")
    ticks(watched, clock, 0.6)
    assert stream.getvalue().endswith(f"\r{ERASED}")


def test_innermost_phase_is_said_with_its_own_seconds(clock: Clock) -> None:
    watched, stream = on_terminal(clock)
    clock.now += 5
    inner = Phase("simulating \x1b[31m the load", clock(), never)
    watched.begin(inner)
    ticks(watched, clock, 1)
    assert "simulating \\u001b[31m the load (0 s)" in stream.getvalue()
    watched.end(inner)
    ticks(watched, clock, 1)
    assert stream.getvalue().endswith(f"{ERASED}drift (6 s)\r")


def test_host_that_is_waited_for_is_named(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "in_flight", ["https://adb-1.example.com"])
    watched, stream = on_terminal(clock)
    ticks(watched, clock, 1)
    assert "drift: waiting for https://adb-1.example.com (1 s)" in stream.getvalue()


def test_long_text_takes_one_line(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "terminal_width", lambda stream: 40)
    watched, stream = on_terminal(clock)
    watched.begin(Phase("x" * 200, clock(), never))
    ticks(watched, clock, 1)
    (line,) = re.findall(r"\x1b\[2K([^\r]*)\r", stream.getvalue())
    assert len(line) == 39 and line.endswith("(1 s)")


@pytest.mark.parametrize("begun", ["What is your name? ", "half an answer", "\x1b[2K  a row of a tree"])
def test_line_that_is_begun_is_left_alone(clock: Clock, begun: str) -> None:
    watched, stream = on_terminal(clock)
    watched.note(stream, begun)
    ticks(watched, clock, 30)
    assert stream.getvalue() == ""
    watched.note(stream, "\x1b[?25h\n")
    ticks(watched, clock, 2)
    assert "drift" in stream.getvalue()


def test_terminal_belongs_to_the_program_that_draws_on_it(clock: Clock) -> None:
    watched, stream = on_terminal(clock)
    draws = False
    watched.begin(Phase("pulumi", clock(), lambda: draws))
    ticks(watched, clock, 2)
    draws = True
    drawn = stream.getvalue()
    ticks(watched, clock, 20)
    watched.note(stream, "x\n")
    assert stream.getvalue() == drawn and "pulumi (2 s)" in drawn


def test_log_has_few_lines_of_a_long_wait(clock: Clock) -> None:
    stream = io.StringIO()
    watched = Progress("drift", stream, (), clock)
    ticks(watched, clock, 300)
    # After 10 s, then 20, 30 and each 60 more.
    assert stream.getvalue() == "".join(f"drift ({seconds} s)\n" for seconds in (10, 30, 60, 120, 180, 240, 300))


def test_log_says_what_a_child_does_although_a_terminal_would_be_its_own(clock: Clock) -> None:
    stream = io.StringIO()
    watched = Progress("up", stream, (), clock)
    watched.begin(Phase("pulumi", clock(), always))
    ticks(watched, clock, 10)
    assert stream.getvalue() == "pulumi (10 s)\n"


def test_output_to_a_file_is_no_sign_of_life_on_the_terminal(clock: Clock) -> None:
    watched, stream = on_terminal(clock)
    for _ in range(5):
        watched.note(io.StringIO(), '{"json": 1}\n')
        ticks(watched, clock, 0.4)
    assert "drift" in stream.getvalue()


def test_watching_ends_with_the_command_and_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANDPLAN_PROGRESS", raising=False)
    with watched("drift"):
        assert Door.before_write is not None
        with doing("inner"):
            pass
    assert Door.before_write is None
    monkeypatch.setenv("BANDPLAN_PROGRESS", "0")
    with watched("drift"), doing("inner"):
        assert Door.before_write is None


@pytest.fixture
def may_answer() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def slow_workspace(may_answer: threading.Event) -> Iterator[FakeWorkspace]:
    """A workspace that answers once it may."""
    workspace = FakeWorkspace()

    def answer(seen: Seen) -> Reply:
        may_answer.wait(100)
        return Reply(body={"userName": "ann@example.com"})

    workspace.answer = answer
    yield workspace
    workspace.close()


def test_slow_workspace_is_named_on_a_terminal_and_not_in_what_stays(
    slow_workspace: FakeWorkspace, may_answer: threading.Event, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text("version: 1\nmodels: []\n")
    environ = {
        **os.environ,
        "DATABRICKS_HOST": slow_workspace.host,
        "DATABRICKS_TOKEN": TOKEN,
        "TERM": "xterm",
        "BANDPLAN_WARM": "0",
        "BANDPLAN_PROGRESS": "1",
    }
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "bandplan.cli.main", "auth", "--stack", "dev"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environ,
    )  # fmt: skip
    os.close(theirs)
    told = b""
    waiting = f"auth: waiting for {slow_workspace.host} ("
    while select.select([ours], [], [], 60)[0]:
        try:
            told += os.read(ours, 4096)
        except OSError:
            break
        if waiting.encode() in told:
            may_answer.set()
    child.kill()
    child.wait()
    os.close(ours)
    text = told.decode()
    assert waiting in text
    stays = [line.rpartition(ERASED)[2] for line in text.split("\r\n")]
    assert stays[-2].startswith("dev: ann@example.com at ") and stays[-1] == ""
