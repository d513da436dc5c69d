"""A command that runs in a warm process is the command that would run without one."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import bandplan
from bandplan.cli.warm.ask import ask, processes, stop
from bandplan.cli.warm.place import NotPrivate
from bandplan.cli.warm.request import ABOUT
from bandplan.cli.warm.server import MOST_PROCESSES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are used on Linux only")

PROBE = Path(__file__).parent / "warm_probe.py"


class Probe:
    """The probe program, with warm processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "warm_probe.py"
        shutil.copy(PROBE, self.program)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BANDPLAN_")},
            "XDG_RUNTIME_DIR": str(folder),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.program), *arguments]

    def environment(self, warm: str, **extra: str) -> dict[str, str]:
        return {**self.environ, "BANDPLAN_WARM": warm, **extra}

    def run(self, *arguments: str, warm: str = "always", **settings: Any) -> subprocess.CompletedProcess[str]:
        environ = self.environment(warm, **settings.pop("extra", {}))
        settings.setdefault("stdin", subprocess.DEVNULL)
        if "input" in settings:
            del settings["stdin"]
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
        return subprocess.run(self.command(*arguments), env=environ, timeout=150, **settings)

    def start(self, *arguments: str, warm: str = "always", **settings: Any) -> "subprocess.Popen[str]":
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
        return subprocess.Popen(self.command(*arguments), env=self.environment(warm), **settings)

    @property
    def server(self) -> int:
        """The only warm process."""
        (found,) = processes(self.environ)
        return found.pid


@pytest.fixture
def probe() -> Iterator[Probe]:
    # Not pytest's folder, whose path is too long for a socket.
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        made = Probe(Path(folder))
        yield made
        with suppress(NotPrivate):
            stop(made.environ)


def described(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    found["environment"].pop("BANDPLAN_WARM")
    # Each run has pipes of its own.
    found["files"] = {number: file.partition("[")[0] for number, file in found["files"].items()}
    return found


def both(probe: Probe, *arguments: str, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe the process without and with a warm one."""
    cold = described(probe.run("describe", *arguments, warm="0", **settings))
    return cold, described(probe.run("describe", *arguments, **settings))


def reported(running: "subprocess.Popen[str]") -> tuple[int, int]:
    """Wait until `hear` listens; return its process and the parent of that."""
    assert running.stdout is not None
    _, pid, _, parent = running.stdout.readline().split()
    return int(pid), int(parent)


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(is_so: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_command_has_what_its_caller_has(probe: Probe) -> None:
    cold, warm = both(probe, "an argument", "--option=ä", extra={"SOME": "value", "TZ": "Asia/Tokyo"})
    assert warm == cold
    assert warm["arguments"][1:] == ["describe", "an argument", "--option=ä"]
    assert warm["environment"]["SOME"] == "value" and warm["time zone"] == [1970, 1, 1, 9, 0]


def test_folder_umask_open_files_and_ignored_signals_are_the_callers(probe: Probe, tmp_path: Path) -> None:
    def prepare() -> None:
        os.umask(0o027)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

    (tmp_path / "given").write_text("")
    with (tmp_path / "given").open() as given:
        settings = {"cwd": tmp_path, "preexec_fn": prepare, "pass_fds": [given.fileno()]}
        cold, warm = both(probe, **settings)
    assert warm == cold
    assert (warm["folder"], warm["umask"]) == (str(tmp_path), "0027")
    assert str(tmp_path / "given") in warm["files"].values()


def test_closed_streams_stay_closed(probe: Probe) -> None:
    def prepare() -> None:
        os.close(0)
        os.close(2)

    cold, warm = both(probe, preexec_fn=prepare)
    assert warm == cold and [warm["streams"][0], warm["streams"][2]] == [None, None]


@pytest.mark.parametrize(
    "extra",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONUNBUFFERED": "1"},
        {"PYTHONUNBUFFERED": ""},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
    ],
)
def test_streams_have_the_callers_encoding_and_buffering(probe: Probe, extra: dict[str, str]) -> None:
    cold, warm = both(probe, extra=extra)
    assert warm == cold


def test_variable_without_a_name_is_passed_to_the_command() -> None:
    program = "import os; os.environ._data[b''] = b'x'; from bandplan.cli.warm.request import this_process; print(this_process())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("None\n", "")  # so the command runs without a warm process


def test_other_limits_and_priority_get_a_process_of_their_own(probe: Probe) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert described(probe.run("describe"))["nice"] == own
    cold, warm = both(probe, preexec_fn=lambda: os.nice(3))
    assert warm == cold and warm["nice"] == min(own + 3, 19)
    kinds = 2 if own < 19 else 1  # there is no lower priority than 19

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    limits = resource.getrlimit(resource.RLIMIT_CORE)
    cold, warm = both(probe, preexec_fn=limit)
    assert warm == cold
    kinds += limits != (0, 0)
    assert len(list(processes(probe.environ))) == kinds


def test_nothing_of_one_command_is_seen_by_the_next(probe: Probe) -> None:
    first = described(probe.run("describe", extra={"SECRET": "hunter2"}))
    assert first["environment"]["SECRET"] == "hunter2"
    assert "SECRET" not in described(probe.run("describe"))["environment"]
    assert b"hunter2" not in Path(f"/proc/{probe.server}/environ").read_bytes()


def test_secret_of_a_command_never_reaches_the_memory_of_the_process(probe: Probe) -> None:
    probe.run("exit", "0")
    secret = "hunter2" * 5
    assert f'"SECRET": "{secret}"' in probe.run("describe", secret, extra={"SECRET": secret}).stdout
    assert memory(probe.server).count(b"PYTHON") and secret.encode() not in memory(probe.server)


def memory(pid: int) -> bytes:
    """Return what the process can write to."""
    parts = []
    with open(f"/proc/{pid}/mem", "rb") as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, mode = line.split()[:2]
            start, end = (int(number, 16) for number in area.split("-"))
            if mode.startswith("rw"):
                file.seek(start)
                parts.append(file.read(end - start))
    return b"".join(parts)


def test_process_holds_neither_folder_nor_files_of_its_caller(probe: Probe, tmp_path: Path) -> None:
    with (tmp_path / "output").open("w") as output:
        assert probe.run("exit", "0", cwd=tmp_path, stdout=output, pass_fds=[output.fileno()]).returncode == 0
    server = Path(f"/proc/{probe.server}")
    assert os.readlink(server / "cwd") == "/"
    assert until(lambda: set(os.listdir(server / "fd")) <= {"0", "1", "2", "3", "4", "5"})  # lock, socket, session
    assert not [file for file in open_files(server) if str(tmp_path) in file]


def open_files(process: Path) -> list[str]:
    """Return what the descriptors of a process lead to, without those that it closes meanwhile."""
    found = []
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(descriptor))
    assert found
    return found


@pytest.mark.parametrize("warm", ["0", "always"])
@pytest.mark.parametrize(
    ("arguments", "status", "errors"),
    [
        (["exit", "0"], 0, ""),
        (["exit", "3"], 3, ""),
        (["leave", "no such thing"], 1, "no such thing\n"),
        (["raise"], 1, "RuntimeError: as if something were wrong\n"),
        (["die", "9"], -9, ""),
        (["die", "15"], -15, ""),
        (["die", "2"], 130, "interrupted\n"),
    ],
)
def test_exit_status_is_the_commands(probe: Probe, warm: str, arguments: list[str], status: int, errors: str) -> None:
    if arguments == ["die", "2"] and warm == "0":
        pytest.skip("`bandplan` itself turns it into a message, the probe does not")
    done = probe.run(*arguments, warm=warm)
    assert (done.returncode, done.stderr.endswith(errors)) == (status, True), done.stderr


@pytest.mark.parametrize("warm", ["0", "always"])
def test_input_of_a_pipe_is_read_to_its_end(probe: Probe, warm: str) -> None:
    text = "ein Müsli\n" * 20_000
    assert probe.run("copy", warm=warm, input=text).stdout == text


@pytest.mark.parametrize("warm", ["0", "always"])
def test_threads_and_exit_handlers_finish_before_the_command_ends(probe: Probe, warm: str) -> None:
    assert probe.run("unfinished", warm=warm).stdout == "main thread\nat exit\n"


@pytest.mark.parametrize("warm", ["0", "always"])
def test_output_that_cannot_be_written_is_reported_as_python_does(probe: Probe, warm: str) -> None:
    with open("/dev/full", "w") as full:
        done = probe.run("describe", warm=warm, stdout=full, extra={"PYTHONUNBUFFERED": ""})
    assert done.returncode == 120 and "No space left on device" in done.stderr


@pytest.mark.parametrize("warm", ["0", "always"])
@pytest.mark.parametrize("is_whole_group", [False, True], ids=["process", "group"])
def test_each_signal_arrives_once(probe: Probe, warm: str, is_whole_group: bool) -> None:
    names = ["SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
    running = probe.start("hear", *names, warm=warm, process_group=0)
    reported(running)
    assert running.stdout is not None
    heard = []
    for name in names * 2:
        (os.killpg if is_whole_group else os.kill)(running.pid, signal.Signals[name])
        heard.append(running.stdout.readline().strip())
    (os.killpg if is_whole_group else os.kill)(running.pid, signal.SIGTERM)
    rest = running.stdout.read()  # `communicate` would lose what was read with the last line
    running.wait(timeout=60)
    assert (heard, rest, running.returncode) == (names * 2, "", -signal.SIGTERM)


def test_command_dies_with_a_killed_caller(probe: Probe) -> None:
    running = probe.start("hear")
    pid, monitor = reported(running)
    running.kill()
    running.wait()
    assert until(lambda: is_gone(pid) and is_gone(monitor))


def test_caller_and_command_die_with_a_killed_monitor(probe: Probe) -> None:
    running = probe.start("hear")
    pid, monitor = reported(running)
    os.kill(monitor, signal.SIGKILL)
    assert running.wait(timeout=60) == -signal.SIGKILL
    assert until(lambda: is_gone(pid))


def test_command_goes_on_when_the_warm_process_is_killed(probe: Probe) -> None:
    running = probe.start("hear", "SIGUSR1")
    reported(running)
    killed = probe.server
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: is_gone(killed))
    running.send_signal(signal.SIGUSR1)
    assert running.stdout is not None and running.stdout.readline() == "SIGUSR1\n"
    # It left its socket; the next command starts another process.
    assert probe.run("exit", "4").returncode == 4
    assert probe.server != killed
    running.terminate()
    running.wait()


def test_commands_run_at_the_same_time(probe: Probe) -> None:
    probe.run("exit", "0")
    running = [probe.start("hear", "SIGUSR1") for _ in range(3)]
    parents = {reported(one)[1] for one in running}
    assert len(parents) == 3
    for one in running:
        one.terminate()
        assert one.wait(timeout=60) == -signal.SIGTERM


def test_changed_file_replaces_the_process(probe: Probe) -> None:
    assert probe.run("exit", "3").returncode == 3
    before = probe.server
    probe.program.write_text(probe.program.read_text().replace("return int(status)", "return int(status) + 1"))
    assert probe.run("exit", "3").returncode == 4
    assert probe.server != before and until(lambda: is_gone(before))


def test_process_that_hangs_is_replaced(probe: Probe) -> None:
    assert probe.run("exit", "0").returncode == 0
    hanging = probe.server
    os.kill(hanging, signal.SIGSTOP)
    assert probe.run("exit", "5", warm="0").returncode == 5
    (key,) = [file.stem for file in (probe.folder / "bandplan").glob("*.sock")]
    found = ask(str(probe.folder / "bandplan"), key, ABOUT, seconds=0.1)
    assert found is not None and (found.pid, found.about) == (hanging, None)
    (stopped,) = stop(probe.environ)
    assert stopped.pid == hanging and until(lambda: is_gone(hanging))
    assert probe.run("exit", "6").returncode == 6


def test_stop_ends_the_process_and_leaves_no_socket(probe: Probe) -> None:
    probe.run("exit", "0")
    pid = probe.server
    (found,) = processes(probe.environ)
    assert found.about is not None and Path(found.about.root) == Path(bandplan.__file__).parents[1]
    assert [found.pid for found in stop(probe.environ)] == [pid]
    assert until(lambda: is_gone(pid)) and not list(processes(probe.environ))


def test_ended_process_leaves_no_file_and_files_of_killed_ones_are_removed(probe: Probe) -> None:
    folder = probe.folder / "bandplan"
    folder.mkdir(mode=0o700)
    for number in range(10):  # more than there may be processes
        (folder / f"{number:016}.lock").touch(mode=0o600)
        socket.socket(socket.AF_UNIX).bind(str(folder / f"{number:016}.sock"))
    assert probe.run("exit", "3").returncode == 3
    assert len(list(folder.iterdir())) == 2
    pid = probe.server
    os.kill(pid, signal.SIGTERM)
    assert until(lambda: is_gone(pid)) and not list(folder.iterdir())


def test_process_unused_for_the_longest_time_makes_room_for_another_one(probe: Probe) -> None:
    pids = []
    for number in range(MOST_PROCESSES + 1):
        assert probe.run("exit", "3", extra={"PYTHONHASHSEED": str(number)}).returncode == 3
        running = {found.pid for found in processes(probe.environ)}
        pids += running - {*pids}
        if number == 2:
            probe.run("exit", "0", extra={"PYTHONHASHSEED": "0"})  # no longer the one that was not used for longest
    assert until(lambda: is_gone(pids[1]))
    assert {found.pid for found in processes(probe.environ)} == {pids[0], *pids[2:]}


def test_folder_and_socket_are_for_the_user_alone(probe: Probe) -> None:
    probe.run("exit", "0")
    folder = probe.folder / "bandplan"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.suffix: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {".sock": 0o600, ".lock": 0o600}


@pytest.mark.parametrize("spoil", ["open", "link", "file"])
def test_folder_that_is_not_the_users_alone_is_not_used(probe: Probe, tmp_path: Path, spoil: str) -> None:
    folder = probe.folder / "bandplan"
    match spoil:
        case "open":
            folder.mkdir()
            folder.chmod(0o755)
        case "link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            folder.symlink_to(tmp_path / "elsewhere")
        case "file":
            folder.write_text("")
    assert probe.run("exit", "7", warm="1").returncode == 7
    done = probe.run("exit", "7")
    assert done.returncode == 1 and "no warm process can be used" in done.stderr
    assert spoil == "file" or not list(folder.iterdir())
