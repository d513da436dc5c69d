"""Who gets in, what a client may leave unfinished, and what no request can make the workspace do."""

import ast
import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import connection, process
from bandplan.stub.api.connections import Connections
from bandplan.stub.connection import MAX_HEAD_BYTES, Connection
from bandplan.stub.reads import Reads
from tests.stub.stub_client import ENDPOINTS, StubClient

STUB = Path(process.__file__).parent

ROOMS = ("api", "state")
"""What a request can reach, except the token engines; the simulated one is a pure function."""

FORBIDDEN = {
    "ctypes": "runs anything",
    "dill": "runs what it loads",
    "ftplib": "opens connections",
    "http.client": "opens connections",
    "httpx": "opens connections",
    "marshal": "runs what it loads",
    "mlflow": "opens connections and runs what it loads",
    "multiprocessing": "starts processes",
    "pickle": "runs what it loads",
    "requests": "opens connections",
    "shelve": "unpickles",
    "smtplib": "opens connections",
    "subprocess": "starts processes",
    "tarfile": "unpacks archives",
    "torch": "unpickles",
    "urllib.request": "opens connections",
    "urllib3": "opens connections",
    "xml": "expands entities",
    "zipfile": "unpacks archives",
}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "create_connection",
    "open_connection",
    "system",
    "popen",
    "unsafe_load",
    "unpack_archive",
}


def modules() -> list[Path]:
    return [path for room in ROOMS for path in sorted((STUB / room).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(name.split(".")[:depth]) for name in names for depth in (1, 2)}


def called(tree: ast.AST) -> set[str]:
    functions = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    # `re.compile` is the one `compile` that is meant.
    return {
        function.id if isinstance(function, ast.Name) else function.attr
        for function in functions
        if isinstance(function, ast.Name)
        or (isinstance(function, ast.Attribute) and ast.unparse(function) != "re.compile")
    }


def test_no_module_that_a_request_reaches_opens_connections_starts_processes_or_unpickles() -> None:
    found = {
        f"{path.relative_to(STUB)}: {name}"
        for path in modules()
        for name in (imported(ast.parse(path.read_text())) & set(FORBIDDEN))
        | (called(ast.parse(path.read_text())) & CALLS)
    }
    assert len(modules()) > 30
    assert found == set()


def test_yaml_is_only_ever_loaded_by_the_safe_loader() -> None:
    loads = {
        (path.name, ast.unparse(node))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "yaml.load"
    }
    assert all("Loader" in call for _, call in loads)
    assert not any("UnsafeLoader" in path.read_text() or "FullLoader" in path.read_text() for path in modules())


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1]:80", "10.0.0.1", ""]
)
@pytest.mark.parametrize("path", ["/.well-known/databricks-config", ENDPOINTS])
def test_request_that_names_another_host_is_refused_even_with_the_token(
    client: StubClient, host: str, path: str
) -> None:
    response = client.pool.request("GET", client.host + path, headers={**client.authorization, "Host": host})
    assert response.status == 403
    assert json.loads(response.data)["error_code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9"])
def test_request_to_this_machine_is_answered(client: StubClient, host: str) -> None:
    response = client.pool.request("GET", client.host + ENDPOINTS, headers={**client.authorization, "Host": host})
    assert response.status == 200


def test_no_other_address_of_this_machine_is_listened_on(running: process.Running) -> None:
    port = int(running.host.rpartition(":")[2])
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", port))


def test_token_of_a_start_is_random_and_the_one_before_is_out(state_dir: Path) -> None:
    first = process.start(state_dir)
    process.stop(state_dir)
    second = process.start(state_dir)
    assert second.token != first.token
    assert len(second.token) >= 32
    assert (state_dir / "token").stat().st_mode & 0o777 == 0o600
    assert StubClient(second.host, first.token).send("GET", ENDPOINTS).status == 401
    assert StubClient(second.host, second.token).send("GET", ENDPOINTS).status == 200


def test_token_is_kept_over_a_start_that_is_told_so(state_dir: Path) -> None:
    first = process.start(state_dir)
    process.stop(state_dir)
    assert process.start(state_dir, is_token_kept=True).token == first.token


def test_running_stub_keeps_its_token_whoever_starts_it_again(state_dir: Path) -> None:
    first = process.start(state_dir)
    assert process.start(state_dir) == first


def test_files_of_the_state_are_for_their_owner_alone(state_dir: Path) -> None:
    process.start(state_dir)
    assert [path for path in (state_dir, *state_dir.rglob("*")) if path.lstat().st_mode & 0o077] == []


def test_folders_above_the_state_that_were_missing_are_for_their_owner_too(state_dir: Path) -> None:
    process.start(state_dir / "own" / "stub")
    try:
        assert (state_dir / "own").stat().st_mode & 0o077 == 0
    finally:
        process.stop(state_dir / "own" / "stub")


def connected(running: process.Running) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", int(running.host.rpartition(":")[2])), timeout=60)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def received(opened: socket.socket) -> bytes:
    """What comes until the server closes."""
    parts = []
    try:
        while data := opened.recv(65536):
            parts.append(data)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_head_of_a_request_is_bounded(running: process.Running) -> None:
    with connected(running) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            # The kernel takes some MB before the server has read them.
            while sent < 3000 * MAX_HEAD_BYTES:
                sent += opened.send(b"X-Filler: " + b"x" * 8000 + b"\r\n")


def test_head_of_ordinary_size_is_taken_in_any_pieces(running: process.Running) -> None:
    head = f"GET {ENDPOINTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {running.token}\r\n"
    head += "Connection: close\r\nX-Filler: " + "x" * 30_000 + "\r\n\r\n"
    with connected(running) as opened:
        for start in range(0, len(head), 997):
            opened.sendall(head[start : start + 997].encode())
        assert received(opened).startswith(b"HTTP/1.1 200 OK")


def test_body_that_goes_on_after_a_refusal_is_not_taken_for_a_head(running: process.Running) -> None:
    body = b"x" * (4 * MAX_HEAD_BYTES)
    head = f"POST {ENDPOINTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    again = f"GET {ENDPOINTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with connected(running) as opened:
        opened.sendall(head.encode())
        first = b""
        while not first.endswith(b"}"):  # head and body may come one by one
            first += opened.recv(65536)
        assert first.startswith(b"HTTP/1.1 401 ")
        opened.sendall(body + again.encode())
        assert received(opened).startswith(b"HTTP/1.1 401")


class FakeTransport(asyncio.Transport):
    """A transport that remembers only whether it was ended."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ended = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return self.is_ended

    def close(self) -> None:
        self.is_ended = True

    abort = close

    def write(self, data: Any) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "silent_seconds", "is_ended"),
    [
        (b"", connection.FIRST_REQUEST_SECONDS + 1, True),
        (b"", connection.FIRST_REQUEST_SECONDS - 1, False),
        (b"POST / HT", connection.HEAD_SECONDS + 1, True),
        (b"POST / HT", connection.HEAD_SECONDS - 1, False),
        (HEAD + b"12345", connection.BODY_SECONDS + 1, True),
        (HEAD + b"12345", connection.BODY_SECONDS - 1, False),
        (HEAD + b"1234567890", 10 * connection.BODY_SECONDS, False),  # the answer may take its time
    ],
)
def test_connection_that_stays_silent_in_the_middle_of_a_request_is_ended(
    sent: bytes, silent_seconds: float, is_ended: bool
) -> None:
    async def unanswered(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def scenario() -> bool:
        import uvicorn
        from uvicorn.server import ServerState

        loop, now = asyncio.get_running_loop(), 1000.0
        loop.time = lambda: now  # type: ignore[method-assign]
        config = uvicorn.Config(unanswered, lifespan="off", ws="none", interface="asgi3", log_config=None)
        config.load()
        opened = Connection(Connections(), Reads(), config=config, server_state=ServerState(), app_state={}, _loop=loop)
        transport = FakeTransport()
        opened.connection_made(transport)
        if sent:
            opened.data_received(sent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        now += silent_seconds
        opened._close_when_stuck()
        was_ended = transport.is_ended
        opened.connection_lost(None)  # the handler hears of it and ends
        return was_ended

    assert asyncio.run(scenario()) is is_ended
