import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.cli.main import main
from bandplan.cli.warm import server
from bandplan.cli.warm.ask import ATTEMPTS, About, Found, ask
from bandplan.cli.warm.inherited import inherited, key_of
from bandplan.cli.warm.place import NotPrivate, folder, peer, require_private, socket_path
from bandplan.cli.warm.preload import MODULES
from bandplan.cli.warm.request import ABOUT, Request, decode, encode, receive, signals
from bandplan.cli.warm.server import is_locked, lock_path, open_lock
from bandplan.cli.warm.switch import BadSwitch, package_root, why_off

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm processes are used on Linux only")

SMALL = ("argparse", "contextlib", "dataclasses", "json", "pathlib", "re", "subprocess", "typing")
"""Modules that are not small: each of them takes longer than asking a warm process."""


@pytest.mark.parametrize("runner", ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD"])
def test_no_warm_process_in_ci(runner: str) -> None:
    assert why_off({runner: "true"}) == f"{runner} is set, so this is a CI job"
    assert "CI job" not in why_off({runner: "true", "BANDPLAN_WARM": "always"})


@pytest.fixture
def runtime() -> Iterator[str]:
    """A runtime folder without warm processes; not pytest's, whose path is too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="warm", ignore_cleanup_errors=True) as folder:
        yield folder


def test_no_warm_process_without_a_terminal_or_if_switched_off(runtime: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bandplan.cli.main", "warm"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": runtime},
    )
    assert ran.stdout == "no warm process is running\n"
    assert ran.stderr == "this command does not use one: no terminal\n"
    assert why_off({"BANDPLAN_WARM": "0"}) == "BANDPLAN_WARM=0"


def test_no_warm_process_for_a_session_of_one_command(runtime: str) -> None:
    _, terminal = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "bandplan.cli.main", "warm"],
        stdin=terminal,
        capture_output=True,
        text=True,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": runtime},
    )
    assert ran.stderr == "this command does not use one: the terminal's session ends with this command\n"


def test_unknown_value_is_refused() -> None:
    with pytest.raises(BadSwitch, match="BANDPLAN_WARM=yes: must be one of: 0, 1, always"):
        why_off({"BANDPLAN_WARM": "yes"})
    ran = subprocess.run(
        [sys.executable, "-m", "bandplan.cli.main", "--version"],
        env={**os.environ, "BANDPLAN_WARM": "yes"},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (2, "error: BANDPLAN_WARM=yes: must be one of: 0, 1, always\n")


def test_caller_imports_small_modules_only() -> None:
    program = f"import sys; import bandplan.cli.start, bandplan.cli.warm.client; print([n for n in {SMALL} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import bandplan; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "['bandplan']\n"


def test_preloaded_modules_exist_and_start_no_thread() -> None:
    program = (
        "import os; from bandplan.cli.warm.preload import preload; preload(); import sys\n"
        "heavy = [name for name in ('mlflow', 'databricks', 'pulumi_databricks', 'torch') if name in sys.modules]\n"
        "print(os.listdir('/proc/self/task') == [str(os.getpid())], heavy, len(os.listdir('/proc/self/fd')) <= 4)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("True [] True\n", "")
    assert len(set(MODULES)) == len(MODULES)


def test_folder_is_in_the_runtime_folder_unless_that_is_too_long_for_a_socket(runtime: str) -> None:
    otherwise = f"/tmp/bandplan-{os.geteuid()}"
    assert folder({"XDG_RUNTIME_DIR": runtime}) == f"{runtime}/bandplan"
    long, longer = (f"{runtime}/{'a' * (length - len(runtime) - 1)}" for length in (52, 53))
    for path in (long, longer):
        os.mkdir(path, 0o700)
    assert len(socket_path(folder({"XDG_RUNTIME_DIR": long}), "0" * 16)) <= 107
    for other in ("", "relative", longer, f"{runtime}/missing"):
        assert folder({"XDG_RUNTIME_DIR": other}) == otherwise


def test_runtime_folder_where_others_may_write_is_not_used(runtime: str) -> None:
    os.chmod(runtime, 0o770)
    assert folder({"XDG_RUNTIME_DIR": runtime}) == f"/tmp/bandplan-{os.geteuid()}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_root_makes_no_folder_in_the_runtime_folder_of_a_user(runtime: str) -> None:
    os.chown(runtime, 65534, 65534)
    assert folder({"XDG_RUNTIME_DIR": runtime}) == "/tmp/bandplan-0"  # as after `su`


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_folder_and_process_of_another_user_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bandplan").mkdir(mode=0o700)
    os.chown(tmp_path / "bandplan", 65534, 65534)
    with pytest.raises(NotPrivate):
        require_private(str(tmp_path / "bandplan"))
    listener = socket.socket(socket.AF_UNIX)
    tmp_path.chmod(0o755)
    listener.bind("\0bandplan-test-of-another-user")
    listener.listen()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        socket.socket(socket.AF_UNIX).connect("\0bandplan-test-of-another-user")
        os._exit(0)
    connection, _ = listener.accept()
    with pytest.raises(NotPrivate, match="belongs to user 65534"):
        peer(connection)
    os.waitpid(child, 0)
    connection.close()
    listener.close()


def test_variables_that_are_read_during_the_import_are_those_of_the_caller() -> None:
    program = (
        "import os, sys; read = set(); kind = type(os.environ); get = kind.__getitem__\n"
        "kind.__getitem__ = lambda self, name: read.add(name) or get(self, name)\n"
        "from bandplan.cli.warm.preload import preload; preload()\n"
        "from bandplan.cli.warm.inherited import environment\n"
        "print(sorted(read - set(environment(dict.fromkeys(read, '')))))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    # The first is one for which no warm process is used, the second is read only if the first is set.
    assert (ran.stdout, ran.stderr) == ("['PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT', 'TRACEPARENT']\n", "")
    assert "TRACEPARENT" in why_off({"BANDPLAN_WARM": "always", "TRACEPARENT": "00-1-2-01"})


def test_lock_whose_file_was_removed_is_not_held(runtime: str) -> None:
    key = "a"
    removed = open_lock(runtime, key)
    os.unlink(lock_path(runtime, key))
    assert not is_locked(removed, runtime, key)
    held = open_lock(runtime, key)
    assert is_locked(held, runtime, key) and not is_locked(removed, runtime, key)
    other = open_lock(runtime, key)
    assert not is_locked(other, runtime, key)
    for lock in (removed, held, other):
        os.close(lock)


def test_nobody_waits_for_a_lock_that_another_process_took_first(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_answering", lambda folder, key: False)
    monkeypatch.setattr(server, "KILL_SECONDS", 0.05)
    taken = open_lock(runtime, "a")
    assert is_locked(taken, runtime, "a")
    assert server.hold(runtime, "a") is None
    os.close(taken)
    held = server.hold(runtime, "a")
    assert held is not None
    os.close(held)


@pytest.mark.parametrize("closed", [1, ATTEMPTS])
def test_process_that_got_the_request_too_late_is_asked_again(runtime: str, closed: int) -> None:
    """It closes a connection on which nothing came for a second, and is no process that hangs."""
    about = About(os.getpid(), 1, "0.1.0", "/a")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(socket_path(runtime, "a"))
    listener.listen()

    def serve() -> None:
        for number in range(min(closed + 1, ATTEMPTS)):
            connection, _ = listener.accept()
            with connection:
                if number >= closed:
                    receive(connection)
                    connection.sendall(about.encode())

    serving = threading.Thread(target=serve)
    serving.start()
    os.chmod(runtime, 0o700)
    found = ask(runtime, "a", ABOUT, seconds=60.0)
    serving.join()
    listener.close()
    assert found is not None and found.about == (about if closed < ATTEMPTS else None)


def test_request_arrives_as_it_was_sent() -> None:
    sent = Request(
        inherited="Uid: 0\nGid: 0",
        arguments=["bandplan", "", "ä\udcff"],
        path=["/a", ""],
        environ={"A": "", "B": "1\n2"},
        streams=["utf-8", "strict", "", "", "utf-8", "backslashreplace"],
        descriptors=[0, 1, 63],
        umask=0o27,
        ignored=[],
        blocked=[10],
    )
    assert vars(decode(encode(sent))) == vars(sent)


@pytest.mark.parametrize("data", [b"", b"9\0a", b"x", b"1\0a\x000\x000\x000\x000\x000"])
def test_incomplete_request_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_signals_of_a_mask() -> None:
    assert signals("0000000001001003") == (1, 2, 13, 25)


def test_what_a_process_inherits_is_the_same_twice_and_depends_on_the_environment_at_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = inherited()
    assert inherited() == before
    monkeypatch.setenv("SOMETHING", "else")
    monkeypatch.setenv("PYTHON_COLORS", "0")  # as it is in a program that a command has started
    assert inherited() == before
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    assert key_of(inherited()) != key_of(before)


def test_doctor_says_why_no_warm_process_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runtime: str
) -> None:
    monkeypatch.setenv("BANDPLAN_WARM", "0")
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.chdir(tmp_path)
    main(["doctor", "--offline"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "warm process" in line]
    assert line.endswith("not used by this command: BANDPLAN_WARM=0")


def test_doctor_shows_the_warm_processes_of_this_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runtime: str
) -> None:
    now = int(time.time())
    found = [
        Found("/run/own.sock", 1001, About(1001, now, "1.0", package_root())),
        Found("/run/other.sock", 1002, About(1002, now, "1.0", "/opt/elsewhere")),
        Found("/run/hangs.sock", 1003, None),
    ]
    monkeypatch.setattr(time, "time", lambda: now + 59.0)
    monkeypatch.setattr("bandplan.cli.warm.ask.processes", lambda environ: iter(found))
    monkeypatch.setattr("bandplan.cli.warm.switch.unusual_start", lambda: "")  # that of the process of the tests
    monkeypatch.setenv("BANDPLAN_WARM", "always")
    monkeypatch.chdir(tmp_path)
    main(["doctor", "--offline"])
    shown = [line for line in capsys.readouterr().out.splitlines() if "warm process" in line]
    assert ["1001" in line for line in shown] == [False, True]
    assert "1003" in shown[0] and "1002" not in "".join(shown)
    main(["warm"])
    assert "process 1002 of version 1.0, started 0 min ago, of the package in /opt/elsewhere (/run/other.sock)" in (
        capsys.readouterr().out.splitlines()
    )
