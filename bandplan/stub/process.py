"""Start and stop the stub workspace in the background. Imports only the standard library, and little of it."""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, Unpack

from bandplan.stub import statedir
from bandplan.wire.machine_folder import make_private_folder

START_TIMEOUT_SECONDS = 60.0
"""Half a second is usual. A failed start ends the process and is reported immediately: this is for one that hangs."""
STOP_TIMEOUT_SECONDS = 12.0
"""Answers in progress have 2 s to end, and then engines 5 s; less than a second is usual without either."""
ANSWER_TIMEOUT_SECONDS = 10.0
"""Milliseconds are usual. A machine that is very busy is no reason to take a workspace for one that hangs."""
REPORT_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.02
LOG_TAIL_LINES = 15
HTTP_OK = 200
HTTP_NOT_FOUND = 404
UNKNOWN_ROUTE = "ENDPOINT_NOT_FOUND"

DATABASE_FILES = ("workspace.db", "workspace.db-wal", "workspace.db-shm")


class StubError(Exception):
    """The stub workspace cannot be started or stopped; the message gives the cause and what to do."""


class SettingsRefused(StubError):
    """The stub refuses settings; the message has a line for each problem, with its place in them."""


@dataclass(frozen=True, slots=True)
class Running:
    """A stub workspace that answers; `host` is `http://127.0.0.1:PORT`. The repr does not show the token."""

    pid: int
    host: str
    token: str = field(repr=False)
    state_dir: Path


class Settings(TypedDict, total=False):
    """How a stub is started; every setting may be left out.

    With `capacity` "provisioned", endpoints are limited to their band or model units; with "unlimited", which is the
    default, they are not. Without `port`, the last one is used again if it is free; `scenario` is a name or an absolute
    path, `settle` and `pace` are as in `--settle` and `--pace`. The token is random and new, unless the last one is
    kept. `engine_arguments` are `--engine`, `--engine-python` and `--allow-engine-host` with their values.
    """

    settle: str | None
    port: int | None
    scenario: str | None
    pace: str | None
    is_token_kept: bool
    capacity: str
    engine_arguments: Sequence[str]


def start(state_dir: Path, **settings: Unpack[Settings]) -> Running:
    """Start serving `state_dir` unless it is already served, and wait until it answers.

    A running stub is returned as it is, whatever the settings. The process has its own session and outlives the caller.
    Raises StubError.
    """
    state_dir = state_dir.absolute()
    make_private_folder(state_dir)
    with _starting(state_dir):
        running = status(state_dir)
        if running is not None:
            return running
        holder = _holder(state_dir)
        if holder is not None:
            raise StubError(
                f"{state_dir}: stub process {holder} holds this directory but does not answer; run `bandplan stub stop`"
            )
        return _spawn(state_dir, _options(state_dir, settings))


def status(state_dir: Path) -> Running | None:
    """Return the stub that serves `state_dir` and answers, or None."""
    state_dir = state_dir.absolute()
    try:
        holder = statedir.lock_holder(state_dir)
    except statedir.UnknownHolder:
        return None
    run = statedir.read_run_file(state_dir)
    if holder is None or run is None or run.pid != holder:
        return None
    try:
        token = statedir.read_token(state_dir)
    except OSError:
        return None
    return Running(run.pid, run.host, token, state_dir) if token and _answers(run.port, token) else None


def holding_process(state_dir: Path) -> int | None:
    """Return the process that serves `state_dir`, whether it answers or not; None if there is none, or if its files do
    not say which process that is.
    """
    with contextlib.suppress(statedir.UnknownHolder):
        return statedir.lock_holder(state_dir.absolute())
    return None


def report(running: Running) -> dict[str, Any]:
    """Return the answer of a running stub to `GET /stub/status`. Raises StubError if it does not answer."""
    return _ask_or_fail(running, "GET", "/stub/status", "return its status")


def endpoints(running: Running) -> dict[str, Any]:
    """Return the answer of a running stub to `GET /stub/endpoints`. Raises StubError if it does not answer."""
    return _ask_or_fail(running, "GET", "/stub/endpoints", "list its endpoints")


def page_link(running: Running) -> str:
    """Return a new one-time link to the page of a running stub. Raises StubError if it does not answer."""
    return str(_ask_or_fail(running, "POST", "/stub/page/links", "make a link")["url"])


def set_capacity(running: Running, endpoint: str, settings: Mapping[str, Any]) -> None:
    """Set the capacity settings of an endpoint, which need not exist yet. Raises StubError."""
    import urllib.parse

    path = f"/stub/endpoints/{urllib.parse.quote(endpoint, safe='')}/capacity"
    status, found = _ask(running, "PUT", path, settings)
    if status != HTTP_OK:
        raise StubError(f"{running.state_dir}: the stub refused the capacity of {endpoint}: {found.get('message')}")


def set_engines(running: Running, wanted: Mapping[str, Any]) -> None:
    """Replace all engine settings, by endpoint, model or `*`. Raises SettingsRefused with a line for each problem."""
    status, found = _ask(running, "PUT", "/stub/engines", wanted)
    if status != HTTP_OK:
        raise SettingsRefused(str(found.get("message")))


def engines(running: Running) -> dict[str, Any]:
    """Return the answer to `GET /stub/engines`: the engines that run, and that of each endpoint. Raises StubError."""
    return _ask_or_fail(running, "GET", "/stub/engines", "return its engines")


def _ask_or_fail(running: Running, method: str, path: str, purpose: str) -> dict[str, Any]:
    status, found = _ask(running, method, path)
    if status != HTTP_OK:
        raise StubError(
            f"{running.state_dir}: the stub at {running.host} did not {purpose}: HTTP {status}; see stub.log, or "
            "restart it: `bandplan stub stop`, then `bandplan stub start`"
        )
    return found


def _ask(running: Running, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    import http.client
    import json

    connection = http.client.HTTPConnection("127.0.0.1", _port_of(running.host), timeout=REPORT_TIMEOUT_SECONDS)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Authorization": f"Bearer {running.token}"})
        response = connection.getresponse()
        found: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise StubError(
            f"{running.state_dir}: the stub at {running.host} does not answer {path}: {error}; see stub.log"
        ) from error
    finally:
        connection.close()
    if response.status == HTTP_NOT_FOUND and found.get("error_code") == UNKNOWN_ROUTE:
        raise StubError(
            f"{running.state_dir}: the stub at {running.host} was started by another version of bandplan, and does not "
            f"have {path}; run `bandplan stub stop`, then this command again (its contents are kept)"
        )
    return response.status, found


def stop(state_dir: Path, *, patience_seconds: float = STOP_TIMEOUT_SECONDS) -> bool:
    """Stop the stub that serves `state_dir`; return False if there is none. Raises StubError if it cannot be stopped.

    A stub that has not ended `patience_seconds` after SIGTERM is killed.
    """
    state_dir = state_dir.absolute()
    holder = _holder(state_dir)
    if holder is None:
        return False
    for sign, patience in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, STOP_TIMEOUT_SECONDS)):
        # Check again who holds the lock: only a process proven to be our stub is ever signalled.
        if _holder(state_dir) == holder:
            _signal(holder, sign)
        if _is_released(state_dir, holder, patience):
            statedir.remove_run_file(state_dir)
            return True
    raise StubError(f"{state_dir}: stub process {holder} could not be stopped; end it by hand, then run this again")


def reset(state_dir: Path) -> None:
    """Stop the stub and delete its contents. Port and workspace id stay, as clients remember them."""
    stop(state_dir)
    import shutil

    for name in DATABASE_FILES:
        (state_dir / name).unlink(missing_ok=True)
    shutil.rmtree(state_dir / "files", ignore_errors=True)


def _holder(state_dir: Path) -> int | None:
    """Return the process that holds the lock. Raises StubError if its files disagree, so that none is signalled."""
    try:
        holder = statedir.lock_holder(state_dir)
    except statedir.UnknownHolder:
        holder = 0
    run = statedir.read_run_file(state_dir)
    if holder == 0 or (holder is not None and run is not None and run.pid != holder):
        lock = state_dir / "lock"
        raise StubError(
            f"{lock}: held by a stub workspace, but its files disagree on which process that is; "
            f"stop that process by hand (`lsof {lock}` shows it), then run this again"
        )
    return holder


@contextlib.contextmanager
def _starting(state_dir: Path) -> Iterator[None]:
    """Allow one start at a time, so that two callers get the same stub."""
    descriptor = os.open(state_dir / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _options(state_dir: Path, settings: Settings) -> list[str]:
    """Return the settings as options of `python -m bandplan.stub serve`."""
    port = settings.get("port")
    given = {
        "--port": str(_remembered_port(state_dir) if port is None else port),
        "--capacity": settings.get("capacity", "unlimited"),
        "--settle": settings.get("settle"),
        "--scenario": settings.get("scenario"),
        "--pace": settings.get("pace"),
    }
    options = [part for name, value in given.items() if value is not None for part in (name, value)]
    kept = ["--keep-token"] if settings.get("is_token_kept") else []
    return [*options, *kept, *settings.get("engine_arguments", ())]


def _spawn(state_dir: Path, options: Sequence[str]) -> Running:
    import subprocess

    command = [sys.executable, "-m", "bandplan.stub", "serve", "--state-dir", str(state_dir), *options]
    with open(state_dir / "stub.log", "ab", opener=statedir.for_owner) as log:
        log_start = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            raise StubError(
                f"{state_dir}: the stub workspace exited with code {code}:\n{_log_tail(state_dir, log_start)}"
            )
        running = status(state_dir)
        if running is not None:
            statedir.write_port(state_dir, running.host.rpartition(":")[2])
            # The process is meant to outlive us: without this, subprocess warns about a child still running.
            process.returncode = 0
            return running
        time.sleep(POLL_SECONDS)
    process.kill()
    process.wait()
    raise StubError(
        f"{state_dir}: the stub workspace did not answer within {START_TIMEOUT_SECONDS:g} s:\n"
        f"{_log_tail(state_dir, log_start)}"
    )


def _port_of(host: str) -> int:
    return int(host.rpartition(":")[2])


def _remembered_port(state_dir: Path) -> int:
    try:
        port = int((state_dir / "port").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return 0
    return port


def _answers(port: int, token: str) -> bool:
    request = (
        f"GET /stub/status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Connection: close\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def _signal(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def _is_released(state_dir: Path, pid: int, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if _holder(state_dir) != pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            return True
        time.sleep(POLL_SECONDS)
    return False


def _log_tail(state_dir: Path, start: int) -> str:
    """Return the last lines written after the byte position `start`: those of this start, not of earlier ones."""
    try:
        with (state_dir / "stub.log").open("rb") as log:
            log.seek(start)
            lines = log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_TAIL_LINES:])
