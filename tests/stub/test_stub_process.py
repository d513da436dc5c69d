"""Starting, finding, stopping and resetting the background process."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bandplan.stub import process, statedir
from tests.ports import own_port
from tests.stub.stub_client import ENDPOINTS, StubClient


def test_started_stub_answers_and_announces_itself(state_dir: Path) -> None:
    running = process.start(state_dir)
    assert StubClient(running.host, running.token).ok("GET", "/stub/status")["pid"] == running.pid
    announced = json.loads((state_dir / "run.json").read_text())
    assert set(announced) == {"pid", "port", "host", "started_at"}
    assert (announced["pid"], announced["host"]) == (running.pid, running.host)
    assert running.host == f"http://127.0.0.1:{announced['port']}"


def test_start_twice_gives_the_same_stub(state_dir: Path) -> None:
    assert process.start(state_dir) == process.start(state_dir)


def test_token_is_private_to_its_owner(state_dir: Path) -> None:
    first = process.start(state_dir)
    assert (state_dir / "token").stat().st_mode & 0o777 == 0o600
    assert len(first.token) >= 32
    assert first.token not in repr(first)


def test_port_is_remembered(state_dir: Path) -> None:
    host = process.start(state_dir, port=own_port()).host
    process.stop(state_dir)
    assert process.start(state_dir).host == host


def test_remembered_port_that_is_taken_is_given_up(state_dir: Path) -> None:
    host = process.start(state_dir, port=own_port()).host
    process.stop(state_dir)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(host.rpartition(":")[2])))
        other.listen()
        assert process.start(state_dir).host != host


def test_stop_ends_the_process_and_tells_whether_there_was_one(state_dir: Path) -> None:
    running = process.start(state_dir)
    assert process.stop(state_dir) is True
    assert process.status(state_dir) is None
    assert not (state_dir / "run.json").exists()
    assert not (state_dir / "workspace.db-wal").exists()  # folded into the database
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    assert process.stop(state_dir) is False


def test_stop_ends_a_process_that_no_longer_answers(state_dir: Path) -> None:
    running = process.start(state_dir)
    os.kill(running.pid, signal.SIGSTOP)
    assert process.stop(state_dir, patience_seconds=0.2) is True
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


def test_run_file_of_a_killed_stub_is_not_believed(state_dir: Path) -> None:
    running = process.start(state_dir)
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert (state_dir / "run.json").exists()
    assert process.status(state_dir) is None
    assert process.start(state_dir).pid != running.pid


def test_stub_whose_directory_was_deleted_ends_by_itself_and_leaves_the_next_one_alone(state_dir: Path) -> None:
    lost = process.start(state_dir)
    shutil.rmtree(state_dir)
    running = process.start(state_dir)  # what the user's next command does
    assert running.pid != lost.pid
    deadline = time.monotonic() + 60
    while is_alive(lost.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(lost.pid)
    assert process.status(state_dir) == running


def is_alive(pid: int) -> bool:
    """Whether the process runs; one of ours that has ended is waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_stop_never_signals_a_process_that_is_not_the_stub(state_dir: Path) -> None:
    state_dir.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        statedir.write_run_file(state_dir, statedir.RunFile(bystander.pid, 1, "http://127.0.0.1:1", "now"))
        (state_dir / "lock").write_text(str(bystander.pid))
        assert process.stop(state_dir) is False
        assert bystander.poll() is None
        bystander.kill()


def test_stub_outlives_the_process_that_started_it(state_dir: Path) -> None:
    script = "import sys; from pathlib import Path; from bandplan.stub import process; print(process.start(Path(sys.argv[1])).pid)"
    started = subprocess.run([sys.executable, "-c", script, state_dir], capture_output=True, text=True, check=True)
    running = process.status(state_dir)
    assert running is not None
    assert running.pid == int(started.stdout)
    assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_starting_by_several_processes_at_once_gives_one_stub(state_dir: Path) -> None:
    script = "import sys; from pathlib import Path; from bandplan.stub import process; print(process.start(Path(sys.argv[1])).pid)"
    command = [sys.executable, "-c", script, str(state_dir)]
    starts = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({start.communicate()[0] for start in starts}) == 1


def test_reset_empties_the_workspace_and_keeps_its_identity(state_dir: Path) -> None:
    before = process.start(state_dir, port=own_port())
    client = StubClient(before.host, before.token)
    client.create("gone")
    workspace_id = client.ok("GET", "/stub/status")["workspace_id"]
    process.reset(state_dir)
    assert process.status(state_dir) is None
    after = process.start(state_dir)
    client = StubClient(after.host, after.token)
    assert client.ok("GET", ENDPOINTS) == {"endpoints": []}
    assert client.ok("GET", "/stub/status")["workspace_id"] == workspace_id
    assert after.host == before.host


def test_start_that_fails_shows_the_end_of_the_log(state_dir: Path) -> None:
    with pytest.raises(process.StubError, match="--settle never: not a settle rule"):
        process.start(state_dir, settle="never")


def test_start_that_fails_shows_nothing_of_earlier_starts(state_dir: Path) -> None:
    with pytest.raises(process.StubError):
        process.start(state_dir, settle="never")
    with pytest.raises(process.StubError) as caught:
        process.start(state_dir, settle="sometimes")
    assert "--settle sometimes" in str(caught.value)
    assert "--settle never" not in str(caught.value)


@pytest.mark.parametrize("port", ["99999", "-1", "many", "8_0", ""])
def test_port_that_is_none_is_refused_on_one_line(state_dir: Path, port: str) -> None:
    ended = serve_in_foreground("--state-dir", str(state_dir), f"--port={port}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"--port {port}: not a port number; use 1 to 65535, or 0 for any free port\n"


def test_database_of_another_format_is_refused_with_the_way_out(state_dir: Path) -> None:
    import sqlite3

    state_dir.mkdir()
    database = sqlite3.connect(state_dir / "workspace.db")
    database.execute("PRAGMA user_version=999")
    database.close()
    with pytest.raises(process.StubError, match="bandplan stub reset"):
        process.start(state_dir)


def test_damaged_database_is_refused_with_the_way_out(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "workspace.db").write_bytes(b"not a database" * 100)
    with pytest.raises(process.StubError, match="bandplan stub reset"):
        process.start(state_dir)
    process.reset(state_dir)
    assert process.start(state_dir)


def serve_in_foreground(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bandplan.stub", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "::", "192.0.2.1"])
def test_only_the_loopback_address_is_served(state_dir: Path, host: str) -> None:
    ended = serve_in_foreground("--state-dir", str(state_dir), "--host", host)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "127.0.0.1 only" in ended.stderr
    assert not state_dir.exists()


def test_directory_is_served_by_one_process_only(state_dir: Path) -> None:
    process.start(state_dir)
    ended = serve_in_foreground("--state-dir", str(state_dir))
    assert ended.returncode == 2
    assert "another stub workspace serves this directory" in ended.stderr


def test_port_in_use_is_an_error_that_names_it(state_dir: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = serve_in_foreground("--state-dir", str(state_dir), "--port", str(port))
    assert ended.returncode == 2
    assert f"127.0.0.1:{port}: cannot listen" in ended.stderr


def test_foreground_stub_prints_nothing_and_ends_on_sigterm(state_dir: Path) -> None:
    command = [sys.executable, "-m", "bandplan.stub", "serve", "--state-dir", str(state_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as served:
        deadline = time.monotonic() + 60
        while process.status(state_dir) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.status(state_dir) is not None
        served.terminate()
        assert served.communicate(timeout=60) == (b"", b"")
    assert not (state_dir / "run.json").exists()


def test_process_module_loads_no_server() -> None:
    script = "import sys; import bandplan.stub.process; print(sorted({'uvicorn', 'yaml', 'asyncio', 'sqlite3'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_workspace_that_simulates_loads_no_engine() -> None:
    heavy = "{'httpx', 'numpy', 'safetensors', 'tokenizers', 'torch', 'transformers', 'vllm'}"
    ours = "{name for name in sys.modules if name.startswith('bandplan.stub.inference.transformers_engine')}"
    script = f"import sys; import bandplan.stub.server; print(sorted(({heavy} & set(sys.modules)) | {ours}))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_workspace_may_have_as_many_connections_as_the_machine_allows(state_dir: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        running = process.start(state_dir)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{running.pid}/limits").read_text().splitlines()
    (given,) = [int(line.split()[3]) for line in limits if line.startswith("Max open files")]
    assert given == min(hard, 65536)
