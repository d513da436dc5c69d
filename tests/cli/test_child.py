"""Another program run to its end: nothing that stops `bandplan` leaves it, or what it started, running."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.engines import watchdog
from bandplan.cli.engines.child import run_child, run_quietly
from bandplan.cli.errors import CommandError

DEPLOYING = """
import signal, sys, time
heard = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: heard.append(signal.Signals(number).name))
print("under way", flush=True)
while not heard:
    time.sleep(0.05)
time.sleep(0.5)
print("stopped in order after", *heard, flush=True)
sys.exit(3)
"""

HANGING = """
import os, signal, subprocess, sys, time
from pathlib import Path
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
if sys.argv[2:]:
    plugin = subprocess.Popen([sys.executable, __file__, sys.argv[1]], process_group=0)
    print(os.getpid(), plugin.pid, flush=True)
time.sleep(600)
"""
"""With a plugin in a process group of its own, as the CLI has them; both hear nothing."""


def parent_of(program: Path, run: str = "run_child", patience: tuple[float, float] = (60, 120)) -> str:
    """The script of a `bandplan` that runs the program and says how that ended."""
    return (
        "import os, sys; from pathlib import Path; from bandplan.cli.engines import child\n"
        f"child.TOLD_AGAIN_SECONDS, child.KILLED_SECONDS = {patience}\n"
        "try:\n"
        f"    status = child.{run}([sys.executable, {str(program)!r}, 'x', 'y'], Path('.'), os.environ)\n"
        "    print('status', status)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )


@contextlib.contextmanager
def started(script: str, stdin: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_alive(pid: int) -> bool:
    return any(process.pid == pid for process in watchdog.processes())


def assert_gone(*pids: int) -> None:
    until = time.monotonic() + 60
    while any(is_alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    left = [pid for pid in pids if is_alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def pids_of(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_for_all", [False, True], ids=["one process", "its group"])
def test_what_stops_the_command_reaches_the_program_once_and_is_waited_for(
    tmp_path: Path, number: signal.Signals, is_for_all: bool
) -> None:
    program = tmp_path / "deploying.py"
    program.write_text(DEPLOYING)
    with started(parent_of(program)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"

        (os.killpg if is_for_all else os.kill)(process.pid, number)

        said, _ = process.communicate(timeout=60)
    assert said == f"stopped in order after {number.name}\ninterrupted\n"
    assert process.returncode == 0


def test_hang_up_reaches_the_program_as_what_it_ends_in_order_after(tmp_path: Path) -> None:
    program = tmp_path / "deploying.py"
    program.write_text(DEPLOYING)
    with started(parent_of(program)) as process:
        assert process.stdout is not None and process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGHUP)
        said, _ = process.communicate(timeout=60)
    assert said == "stopped in order after SIGTERM\ninterrupted\n"


def test_program_that_does_not_end_is_told_a_second_time(tmp_path: Path) -> None:
    """As `pulumi` has it: the first asks it to stop in order, the second to leave what is under way."""
    program = tmp_path / "stubborn.py"
    program.write_text(
        "import signal, time\nheard = []\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda number, frame: heard.append(signal.Signals(number).name))\n"
        "print('under way', flush=True)\n"
        "while len(heard) < 2:\n    time.sleep(0.02)\n"
        "print(*heard, flush=True)\n"
    )
    with started(parent_of(program, patience=(0.2, 60))) as process:
        assert process.stdout is not None and process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    # A program that could not run meanwhile hears both at once, in no order.
    assert (sorted(said.split()), said.count("\n")) == (["SIGINT", "SIGTERM", "interrupted"], 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "hanging.py"
    program.write_text(HANGING)
    with started(parent_of(program, patience=(0.2, 0.4))) as process:
        pids = pids_of(process)
        assert len(pids) == 2

        process.send_signal(number)

        said, complained = process.communicate(timeout=60)
        assert_gone(*pids)
    assert said == "interrupted\n"
    assert "did not stop within 0.4 s and was killed; the next run finds out what it left unfinished" in complained


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_program_that_hangs_on_a_terminal_is_killed_with_all_that_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    """There it is in the group of the command, and its plugin in neither's."""
    program = tmp_path / "hanging.py"
    program.write_text(HANGING)
    terminal, stdin = os.openpty()
    try:
        with started(parent_of(program, patience=(0.2, 0.4)), stdin) as process:
            pids = pids_of(process)
            process.send_signal(number)
            process.wait(60)
            assert_gone(*pids)
    finally:
        os.close(stdin)
        os.close(terminal)


def test_patience_ends_within_the_ten_seconds_that_a_supervisor_gives() -> None:
    from bandplan.cli.engines import child

    assert child.TOLD_AGAIN_SECONDS < child.KILLED_SECONDS <= 8


@pytest.mark.parametrize("run", ["run_child", "run_quietly"])
@pytest.mark.parametrize("is_for_all", [False, True], ids=["one process", "its group"])
def test_killed_command_leaves_nothing_running(tmp_path: Path, run: str, is_for_all: bool) -> None:
    program = tmp_path / "hanging.py"
    told = tmp_path / "pids"
    program.write_text(
        HANGING.replace(
            "print(os.getpid(), plugin.pid, flush=True)",
            f"note = Path({str(told)!r})\n"
            "    note.with_suffix('.new').write_text(f'{os.getpid()} {plugin.pid}'); note.with_suffix('.new').rename(note)",
        )
    )
    with started(parent_of(program, run, patience=(0.2, 0.4))) as process:
        until = time.monotonic() + 60
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.02)
        pids = [int(word) for word in told.read_text().split()]

        (os.killpg if is_for_all else os.kill)(process.pid, signal.SIGKILL)
        process.wait(60)

        assert_gone(*pids)


def test_what_a_killed_program_started_is_ended(tmp_path: Path) -> None:
    """As when memory runs out; the program is in a group with what it started, unlike the hanging one's plugin."""
    program = tmp_path / "killed.py"
    program.write_text(
        "import os, signal, subprocess, sys\n"
        "plugin = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(plugin.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with started(parent_of(program)) as process:
        pids = pids_of(process)
        assert process.stdout is not None
        said = process.stdout.read()  # `communicate` would lose what was read with the first line
        process.wait(60)
        assert_gone(*pids)
    assert said == "status -9\n"


def test_killed_command_lets_a_program_that_can_end_in_order(tmp_path: Path) -> None:
    program, ended = tmp_path / "deploying.py", tmp_path / "ended"
    program.write_text(DEPLOYING.replace('print("stopped in order', f'open({str(ended)!r}, "w").write("x"); print("'))
    with started(parent_of(program)) as process:
        assert process.stdout is not None and process.stdout.readline() == "under way\n"
        process.kill()
        until = time.monotonic() + 60
        while not ended.exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert ended.exists()


@pytest.mark.parametrize("run", [run_child, run_quietly])
def test_program_that_ended_leaves_no_watchdog(tmp_path: Path, run: object) -> None:
    def children() -> set[int]:
        return {process.pid for process in watchdog.processes() if process.parent == os.getpid()}

    before = children()
    run([sys.executable, "-c", ""], tmp_path, {})  # type: ignore[operator]
    assert children() <= before  # one that another test has started may end meanwhile


def test_what_a_program_says_is_in_the_result_and_it_gets_no_input(tmp_path: Path) -> None:
    script = "import sys; print(repr(sys.stdin.read())); print('bad', file=sys.stderr); sys.exit(4)"
    done = run_quietly([sys.executable, "-c", script], tmp_path, {})
    assert (done.returncode, done.stdout, done.stderr) == (4, "''\n", "bad\n")


@pytest.mark.parametrize("run", [run_child, run_quietly])
def test_program_that_cannot_be_started_is_named(tmp_path: Path, run: object) -> None:
    with pytest.raises(CommandError, match="absent: cannot be started: No such file or directory"):
        run([str(tmp_path / "absent")], tmp_path, {})  # type: ignore[operator]


def test_processes_are_the_same_by_either_way_of_asking() -> None:
    """`ps` is what a machine without /proc has."""
    by_ps = {(one.pid, one.parent, one.group) for one in watchdog.of_ps()}
    if not by_ps:
        pytest.skip("no `ps` here")
    own = os.getpid(), os.getppid(), os.getpgrp()
    assert own in by_ps
    assert own in {(one.pid, one.parent, one.group) for one in watchdog.of_proc()}
