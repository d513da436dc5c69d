"""In a terminal, a command behaves the same in a warm process: keys, jobs, prompts, width, hanging up."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bandplan.cli.warm.ask import processes, stop

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="warm processes are used on Linux only"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash on PATH"),
]

PROBE = Path(__file__).parent / "warm_probe.py"
PROMPT = "ready> "
SECONDS = 60.0


class Terminal:
    """A terminal with a shell in it."""

    def __init__(self, folder: Path, warm: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BANDPLAN_", "PROMPT"))}
        for runner in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD"):
            kept.pop(runner, None)
        self.environ = {
            **kept,
            "XDG_RUNTIME_DIR": str(folder),
            "PS1": "\\162eady> ",  # not as it is shown, as `describe` prints it
            "TERM": "dumb",
            "HISTFILE": "",
        }
        if warm:
            self.environ["BANDPLAN_WARM"] = warm
        shutil.copy(PROBE, folder / "warm_probe.py")
        self.master, slave = pty.openpty()
        self.resize(100)
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "--noediting", "-i"],
            env=self.environ,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0) and None,
        )
        os.close(slave)
        self.seen = ""
        self.read_to(PROMPT)
        self.run("stty -echo")
        self.probe = f"{sys.executable} {folder / 'warm_probe.py'}"

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def read_to(self, wanted: str) -> str:
        """Return what is shown up to and with `wanted`."""
        deadline = time.monotonic() + SECONDS
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"{wanted!r} is not in {self.seen!r}")
            self.seen += os.read(self.master, 1 << 16).decode().replace("\r\n", "\n")
        shown, found, self.seen = self.seen.partition(wanted)
        return shown + found

    def run(self, line: str) -> str:
        """Return what a command shows until the next prompt."""
        self.type(line + "\n")
        return self.read_to(PROMPT).removesuffix(PROMPT)

    def start(self, line: str) -> int:
        """Start `hear`; return its process once it listens."""
        self.type(f"{self.probe} {line}\n")
        self.read_to("pid ")
        return int(self.read_to("\n").split()[0])

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.master)
        self.shell.kill()
        self.shell.wait()
        stop(self.environ)


@pytest.fixture(params=["0", "always"], ids=["without", "warm"])
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        opened = Terminal(Path(folder), request.param)
        yield opened
        opened.close()


def test_ctrl_c_arrives_once(terminal: Terminal) -> None:
    terminal.start("hear SIGINT")
    for _ in range(2):
        terminal.type("\x03")
        assert terminal.read_to("SIGINT\n").count("SIGINT") == 1
    time.sleep(0.1)  # for a second one
    terminal.type("\x1c")
    assert "SIGINT" not in terminal.read_to(PROMPT).splitlines()  # some shells show the command of a killed job
    assert terminal.run("echo status $?") == "status 131\n"


def test_ctrl_c_arrives_once_each_time_if_the_monitor_was_too_slow_to_notice_both(terminal: Terminal) -> None:
    monitor = parent_of(terminal.start("hear SIGINT"))
    has_monitor = monitor != terminal.shell.pid
    if has_monitor:
        os.kill(monitor, signal.SIGSTOP)
    for _ in range(2):
        terminal.type("\x03")
        assert terminal.read_to("SIGINT\n").count("SIGINT") == 1
    if has_monitor:
        os.kill(monitor, signal.SIGCONT)
    time.sleep(0.2)  # for a third one
    terminal.type("\x1c")
    assert "SIGINT" not in terminal.read_to(PROMPT).splitlines()
    assert terminal.run("echo status $?") == "status 131\n"


def test_ctrl_c_without_a_handler_ends_the_command(terminal: Terminal) -> None:
    terminal.start("hear")
    terminal.type("\x03")
    terminal.read_to(PROMPT)
    # The probe leaves KeyboardInterrupt to Python, `bandplan` does not.
    assert terminal.run("echo status $?") in ("status 130\n", "status 1\n")


def test_ctrl_z_stops_the_command_and_fg_continues_it(terminal: Terminal) -> None:
    pid = terminal.start("hear SIGUSR1")
    terminal.type("\x1a")
    assert "Stopped" in terminal.read_to(PROMPT)
    assert becomes(pid, "T")
    terminal.type("fg\n")
    terminal.read_to("hear SIGUSR1\n")
    os.kill(pid, signal.SIGUSR1)
    terminal.read_to("SIGUSR1\n")
    terminal.type("\x1a")
    terminal.read_to(PROMPT)
    assert becomes(pid, "T")
    # Not by the shell's own `kill`, which continues the job: then `fg` may come too late.
    os.killpg(os.getpgid(pid), signal.SIGTERM)
    terminal.run("fg")
    assert terminal.run("echo status $?") == "status 143\n"


def test_command_goes_on_if_its_monitor_was_too_slow_to_notice_ctrl_z(terminal: Terminal) -> None:
    pid = terminal.start("hear SIGUSR1")
    monitor = parent_of(pid)
    if monitor != terminal.shell.pid:
        os.kill(monitor, signal.SIGSTOP)  # so that `fg` makes the kernel drop its SIGTSTP
    terminal.type("\x1a")
    assert "Stopped" in terminal.read_to(PROMPT)
    terminal.type("fg\n")
    terminal.read_to("hear SIGUSR1\n")
    time.sleep(0.2)  # for a late stop
    os.kill(pid, signal.SIGUSR1)
    terminal.read_to("SIGUSR1\n")
    terminal.type("\x1c")
    terminal.read_to(PROMPT)
    assert terminal.run("echo status $?") == "status 131\n"


def test_prompt_reads_the_terminal(terminal: Terminal) -> None:
    terminal.type(f"{terminal.probe} ask\n")
    terminal.read_to("name? ")
    terminal.type("Ada\n")
    assert terminal.read_to(PROMPT).startswith("hello Ada\n")


def test_command_in_the_background_stops_when_it_reads(terminal: Terminal) -> None:
    terminal.run(f"{terminal.probe} ask &")
    deadline = time.monotonic() + SECONDS
    while "Stopped" not in (shown := terminal.run("jobs")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert re.search(r"Stopped(\(SIGTTIN\)| \(tty input\))?", shown)
    terminal.type("fg\n")
    terminal.read_to("ask\n")
    terminal.type("Grace\n")
    assert "hello Grace\n" in terminal.read_to(PROMPT)


def test_width_is_the_terminals_also_when_it_changes(terminal: Terminal) -> None:
    terminal.resize(123)
    assert json.loads(terminal.run(f"{terminal.probe} describe"))["width"] == 123
    terminal.start("hear SIGWINCH")
    terminal.resize(77)
    terminal.read_to("SIGWINCH\n")
    terminal.type("\x1c")
    assert "SIGWINCH" not in terminal.read_to(PROMPT).splitlines()


def test_hanging_up_ends_the_command(terminal: Terminal) -> None:
    pid = terminal.start("hear")
    os.close(terminal.master)
    assert becomes(pid, "", "Z")


def test_process_is_the_same_in_a_terminal() -> None:
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        opened = Terminal(Path(folder), "")
        try:
            cold, warm = (
                json.loads(opened.run(f"BANDPLAN_WARM={value} {opened.probe} describe")) for value in ("0", "always")
            )
        finally:
            opened.close()
    for found in (cold, warm):
        del found["environment"]["BANDPLAN_WARM"]
    assert warm == cold and warm["is in front"]


def test_first_command_in_a_terminal_starts_the_process_and_the_end_of_the_terminal_ends_it() -> None:
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        opened = Terminal(Path(folder), "")
        try:
            assert opened.run(f"{opened.probe} exit 3; echo status $?") == "status 3\n"
            deadline = time.monotonic() + SECONDS
            while not is_run_warm(opened):  # on a busy machine it may not answer in time
                assert time.monotonic() < deadline
            opened.type("exit\n")
            opened.shell.wait(timeout=SECONDS)
            deadline = time.monotonic() + SECONDS
            while list(processes(opened.environ)) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not list(processes(opened.environ))
        finally:
            opened.close()


def is_run_warm(terminal: Terminal) -> bool:
    """Whether a command runs in a warm process now."""
    parent = parent_of(parent_of(terminal.start("hear")))
    terminal.type("\x1c")
    terminal.read_to(PROMPT)
    return parent in {found.pid for found in processes(terminal.environ)}


@pytest.mark.parametrize(("first", "last"), [("exec ", ""), ("", "; true")], ids=["is the command", "follows it"])
def test_no_process_stays_where_the_session_ends_with_the_command(first: str, last: str) -> None:
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        shutil.copy(PROBE, folder)
        environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": folder}
        line = f"{first}{sys.executable} {folder}/warm_probe.py exit 0{last}"
        pid, master = pty.fork()
        if pid == 0:
            os.execvpe("bash", ["bash", "-c", line], environ)
        _, status = os.waitpid(pid, 0)
        os.close(master)
        assert status == 0
        assert not (first and started_in(folder))
        deadline = time.monotonic() + SECONDS
        while started_in(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not started_in(folder)


def started_in(folder: str) -> list[str]:
    """Return the processes that have the folder among their arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError):
            if f"{folder}/".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def becomes(pid: int, *states: str) -> bool:
    deadline = time.monotonic() + SECONDS
    while state_of(pid) not in states and time.monotonic() < deadline:
        time.sleep(0.02)
    return state_of(pid) in states


def test_process_that_hangs_is_not_waited_for_and_is_replaced() -> None:
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        opened = Terminal(Path(folder), "always")
        try:
            opened.run(f"{opened.probe} exit 0")
            (hanging,) = processes(opened.environ)
            os.kill(hanging.pid, signal.SIGSTOP)
            assert opened.run(f"BANDPLAN_WARM=1 {opened.probe} exit 5; echo status $?") == "status 5\n"
            assert becomes(hanging.pid, "", "Z")
            assert opened.run(f"{opened.probe} exit 3; echo status $?") == "status 3\n"
        finally:
            opened.close()


def state_of(pid: int) -> str:
    """Return the state as `ps` shows it, "" once the process has gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    return ""


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
