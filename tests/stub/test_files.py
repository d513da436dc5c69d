"""The Files API: files and directories of model versions, whatever a path is made of."""

import http.client
import os
import signal
import socket
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from bandplan.stub import process
from tests.stub.registering import DIRECTORIES, FILES, created, finalized, mlmodel, place, put, registered
from tests.stub.stub_client import StubClient


@pytest.fixture
def folder(client: StubClient, name: str) -> str:
    """The folder of a version that takes files."""
    return place(f"ml.own.{name}", created(client, f"ml.own.{name}"))


def ask(client: StubClient, method: str, target: str, body: bytes | None = None) -> tuple[int, bytes]:
    """A request whose target is sent as it is: other clients tidy up paths first."""
    connection = http.client.HTTPConnection(client.host.removeprefix("http://"), timeout=60)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        connection.putheader("Authorization", client.authorization["Authorization"])
        connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_file_is_read_as_it_was_written(client: StubClient, folder: str) -> None:
    data = os.urandom(3 * 1024 * 1024 + 1)
    put(client, f"{folder}/weights/part-1.bin", data)
    response = client.raw("GET", f"{FILES}{folder}/weights/part-1.bin")
    assert response.data == data
    assert response.headers["content-length"] == str(len(data))
    assert response.headers["content-type"] == "application/octet-stream"
    head = client.raw("HEAD", f"{FILES}{folder}/weights/part-1.bin")
    assert (head.status, head.headers["content-length"], head.data) == (200, str(len(data)), b"")
    assert client.raw("HEAD", f"{FILES}{folder}/weights/part-2.bin").status == 404


@pytest.mark.parametrize("name_of_file", ["a b.txt", "ü+%41.txt", "日本", "back\\slash", "%2e%2e", "..."])
def test_odd_names_are_kept_as_they_are(client: StubClient, folder: str, name_of_file: str) -> None:
    path = f"{FILES}{folder}/{quote(name_of_file)}"
    assert ask(client, "PUT", path, b"odd")[0] == 204
    assert ask(client, "GET", path) == (200, b"odd")
    listed = client.ok("GET", f"{DIRECTORIES}{folder}")["contents"]
    assert [(row["name"], row["path"]) for row in listed] == [(name_of_file, f"{folder}/{name_of_file}")]


def test_path_percent_encoded_as_a_whole_is_the_same_path(client: StubClient, folder: str) -> None:
    assert ask(client, "PUT", f"{FILES}/{quote(folder[1:] + '/a/b', safe='')}", b"x")[0] == 204
    assert ask(client, "GET", f"{FILES}{folder}/a/b") == (200, b"x")


def test_empty_file_is_a_file(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/empty", b"")
    assert client.raw("GET", f"{FILES}{folder}/empty").data == b""


def test_ranges_of_a_file_are_read(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/digits", b"0123456789")
    headers = {**client.authorization, "Range": "bytes=2-4"}
    response = client.pool.request("GET", f"{client.host}{FILES}{folder}/digits", headers=headers)
    assert (response.status, response.data, response.headers["content-range"]) == (206, b"234", "bytes 2-4/10")


def test_download_goes_on_only_while_the_file_is_unchanged(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"x")
    url = f"{client.host}{FILES}{folder}/f"
    modified = client.raw("GET", f"{FILES}{folder}/f").headers["last-modified"]
    for since, status in ((modified, 200), ("Mon, 01 Jan 2001 00:00:00 GMT", 412), ("yesterday", 400)):
        headers = {**client.authorization, "If-Unmodified-Since": since}
        assert client.pool.request("GET", url, headers=headers).status == status


def test_file_is_replaced_unless_that_is_declined(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"old")
    refused = client.raw("PUT", f"{FILES}{folder}/f?overwrite=false", b"new")
    assert refused.status == 409
    assert b'"ALREADY_EXISTS"' in refused.data
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"old"
    put(client, f"{folder}/f", b"new")
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"new"


def test_file_is_deleted(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"x")
    assert client.raw("DELETE", f"{FILES}{folder}/f").status == 204
    assert client.raw("DELETE", f"{FILES}{folder}/f").status == 404


def test_directories_are_made_listed_in_pages_and_deleted_when_empty(client: StubClient, folder: str) -> None:
    assert client.raw("GET", f"{DIRECTORIES}{folder}/").status == 200  # with a trailing slash, and nothing in it yet
    assert client.raw("PUT", f"{DIRECTORIES}{folder}/d/e").status == 204
    assert client.raw("PUT", f"{DIRECTORIES}{folder}/d/e").status == 204
    put(client, f"{folder}/d/f", b"four")
    assert client.raw("HEAD", f"{DIRECTORIES}{folder}/d").status == 200
    assert client.raw("HEAD", f"{DIRECTORIES}{folder}/d/f").status == 404
    first = client.ok("GET", f"{DIRECTORIES}{folder}/d?page_size=1")
    rest = client.ok("GET", f"{DIRECTORIES}{folder}/d?page_size=1&page_token={first['next_page_token']}")
    assert [
        (row["name"], row["is_directory"], row.get("file_size")) for row in first["contents"] + rest["contents"]
    ] == [
        ("e", True, None),
        ("f", False, 4),
    ]
    assert "next_page_token" not in rest
    refused = client.send("DELETE", f"{DIRECTORIES}{folder}/d")
    assert (refused.status, refused.body["details"][0]["reason"]) == (400, "FILES_API_DIRECTORY_IS_NOT_EMPTY")
    assert client.raw("DELETE", f"{DIRECTORIES}{folder}/d/e").status == 204
    missing = client.send("GET", f"{DIRECTORIES}{folder}/d/e")
    assert (missing.status, missing.error_code) == (404, "NOT_FOUND")  # MLflow looks for this very code


def test_directory_and_file_do_not_take_each_others_place(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"x")
    put(client, f"{folder}/d/g", b"x")
    for path in (f"{FILES}{folder}/f/below", f"{FILES}{folder}/d", f"{FILES}{folder}"):
        assert client.send("PUT", path, {}).error_code == "INVALID_PARAMETER_VALUE", path
    assert client.raw("PUT", f"{DIRECTORIES}{folder}/f").status == 409


TRAVERSALS = [
    "{folder}/../../../../token",
    "{folder}/%2e%2e/%2e%2e/%2E%2E/token",
    "{folder}/..%2f..%2f..%2ftoken",
    "{folder}%2F..%2F..%2Ftoken",
    "{folder}/a/%2e/b",
    "{folder}//token",
    "{folder}/%2Fetc%2Fpasswd",
    "//etc/passwd",
    "/%2Fetc/passwd",
    "/etc/passwd",
    "{folder}/a%00b",
    "{folder}/a%0ab",
    "{folder}/%00",
    "/Models/ml/own/../own/x/1/f",
    "/Models/ml.own/x/y/1/f",
    "/Models/ml/own/x/../f",
    "/WorkspaceInternal/Mlflow/Artifacts/../../token",
    "/WorkspaceInternal/Mlflow/Artifacts/1/Runs/../f",
    "{folder}/" + "a" * 256,
    "{folder}/" + "a/" * 600 + "f",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_its_folder(client: StubClient, running: process.Running, folder: str, path: str) -> None:
    before = sorted(str(found) for found in running.state_dir.rglob("*") if "incoming" not in found.parts)
    target = path.replace("{folder}", folder)
    for method in ("PUT", "GET", "HEAD", "DELETE"):
        status, body = ask(client, method, f"{FILES}{target}", b"evil" if method == "PUT" else None)
        assert status in (400, 404), (method, status, body)
        assert client.authorization["Authorization"][7:].encode() not in body
    for method in ("PUT", "GET", "HEAD", "DELETE"):
        status, body = ask(client, method, f"{DIRECTORIES}{target}")
        assert status in (400, 404), (method, status, body)
    for url in ("create-upload-url", "create-download-url"):
        assert client.send("POST", f"/api/2.0/fs/{url}", {"path": unquote(target)}).status in (400, 404)
    after = sorted(str(found) for found in running.state_dir.rglob("*") if "incoming" not in found.parts)
    assert after == before


def test_symbolic_link_in_the_state_directory_is_not_followed(
    client: StubClient, running: process.Running, folder: str, tmp_path: Path
) -> None:
    put(client, f"{folder}/here", b"x")
    (held,) = (path.parent for path in running.state_dir.glob("files/models/*/here") if path.read_bytes() == b"x")
    (tmp_path / "secret").write_text("secret")
    (held / "link").symlink_to(tmp_path)
    for method in ("PUT", "GET", "DELETE"):
        status, body = ask(client, method, f"{FILES}{folder}/link/secret", b"changed" if method == "PUT" else None)
        assert status == 403
        assert b'"secret"' not in body
    assert ask(client, "PUT", f"{FILES}{folder}/link/new", b"x")[0] == 403
    assert [row["name"] for row in client.ok("GET", f"{DIRECTORIES}{folder}")["contents"]] == ["here"]
    assert (tmp_path / "secret").read_text() == "secret"
    assert not (tmp_path / "new").exists()
    (held / "here").unlink()


def test_files_of_a_finalized_version_cannot_be_changed(client: StubClient, name: str) -> None:
    full_name = f"ml.own.{name}"
    folder = place(full_name, registered(client, full_name))
    for method, path in (("PUT", f"{FILES}{folder}/f"), ("DELETE", f"{FILES}{folder}/MLmodel")):
        reply = client.send(method, path, {})
        assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE"), method
    assert client.raw("PUT", f"{DIRECTORIES}{folder}/d").status == 400
    assert client.raw("GET", f"{FILES}{folder}/MLmodel").data == mlmodel()


def test_version_that_is_finalized_during_an_upload_does_not_take_the_file(client: StubClient, name: str) -> None:
    full_name = f"ml.own.{name}"
    version = created(client, full_name)
    put(client, f"{place(full_name, version)}/MLmodel", mlmodel())
    with slow_upload(client, f"{place(full_name, version)}/late", declared=8) as connection:
        connection.sendall(b"1234")
        assert finalized(client, full_name, version)["status"] == "READY"
        connection.sendall(b"5678")
        assert connection.recv(64).startswith(b"HTTP/1.1 400")
    assert client.raw("GET", f"{FILES}{place(full_name, version)}/late").status == 404


def test_system_models_take_no_files(client: StubClient) -> None:
    path = f"{FILES}/Models/system/ai/llama_v3_3_70b_instruct/1/MLmodel"
    assert client.send("PUT", path, {}).error_code == "PERMISSION_DENIED"


def test_files_need_the_token(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"x")
    for method in ("GET", "PUT", "DELETE"):
        assert client.pool.request(method, f"{client.host}{FILES}{folder}/f").status == 401
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"x"


def test_file_above_the_limit_of_one_request_is_refused_before_it_is_sent(client: StubClient, folder: str) -> None:
    with slow_upload(client, f"{folder}/huge", declared=5 * 1024**3 + 1) as connection:
        connection.sendall(b"x" * 1024)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    assert client.raw("GET", f"{FILES}{folder}/huge").status == 404


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's memory is read from /proc")
def test_large_file_is_never_held_in_memory(client: StubClient, running: process.Running, folder: str) -> None:
    def peak_kib() -> int:
        status = Path(f"/proc/{running.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    mib, block = 1024 * 1024, bytes(1024 * 1024 - 1) + b"."
    before = peak_kib()
    headers = {**client.authorization, "Content-Length": str(256 * mib)}
    url = f"{client.host}{FILES}{folder}/large"
    assert client.pool.request("PUT", url, body=iter([block] * 256), headers=headers).status == 204
    received = client.pool.request("GET", url, headers=client.authorization, preload_content=False)
    assert all(data == block for data in iter(lambda: received.read(mib), b""))
    assert peak_kib() - before < 64 * 1024
    assert client.raw("DELETE", f"{FILES}{folder}/large").status == 204


def test_upload_that_breaks_off_leaves_nothing(client: StubClient, running: process.Running, folder: str) -> None:
    put(client, f"{folder}/f", b"old")
    incoming = running.state_dir / "files" / "incoming"
    before = set(incoming.iterdir())
    with slow_upload(client, f"{folder}/f", declared=4 * 1024 * 1024) as connection:
        connection.sendall(b"x" * (2 * 1024 * 1024))
        wait_for(lambda: set(incoming.iterdir()) - before)
    wait_for(lambda: not set(incoming.iterdir()) - before)
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"old"


def test_kill_during_an_upload_leaves_the_old_file_and_no_half_one(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    folder = place("ml.own.m", created(client, "ml.own.m"))
    put(client, f"{folder}/kept", b"kept")
    incoming = state_dir / "files" / "incoming"
    with slow_upload(client, f"{folder}/half", declared=4 * 1024 * 1024) as connection:
        connection.sendall(b"x" * (2 * 1024 * 1024))
        wait_for(lambda: any(incoming.iterdir()))
        os.kill(running.pid, signal.SIGKILL)
        os.waitpid(running.pid, 0)
    assert any(incoming.iterdir())
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    assert not incoming.exists()
    assert [row["name"] for row in client.ok("GET", f"{DIRECTORIES}{folder}")["contents"]] == ["kept"]
    put(client, f"{folder}/half", b"whole")


@pytest.mark.parametrize("volume", ["/Volumes/ops/bandplan/usage", f"/Volumes/{'x' * 255}/it's one/äö"])
def test_every_volume_takes_files_and_keeps_them_apart(client: StubClient, volume: str) -> None:
    path = quote(volume)
    assert not client.ok("GET", f"{DIRECTORIES}{path}").get("contents")
    put(client, f"{path}/day=1/part-0.csv", b"a,b\n")
    assert client.raw("GET", f"{FILES}{path}/day=1/part-0.csv").data == b"a,b\n"
    assert [row["path"] for row in client.ok("GET", f"{DIRECTORIES}{path}/day=1")["contents"]] == [
        f"{volume}/day=1/part-0.csv"
    ]
    assert client.raw("GET", f"{FILES}/Volumes/ops/bandplan/other/day=1/part-0.csv").status == 404
    assert client.raw("GET", f"{DIRECTORIES}/Volumes/ops/bandplan").status == 404


def test_reset_deletes_the_files(state_dir: Path) -> None:
    running = process.start(state_dir)
    registered(StubClient(running.host, running.token), "ml.own.m")
    assert any((state_dir / "files").rglob("MLmodel"))
    process.reset(state_dir)
    assert not (state_dir / "files").exists()


def test_files_of_versions_that_nobody_knows_are_swept_at_the_start(state_dir: Path) -> None:
    running = process.start(state_dir)
    registered(StubClient(running.host, running.token), "ml.own.m")
    process.stop(state_dir)
    orphan = state_dir / "files" / "models" / ("0" * 32)
    orphan.mkdir()
    (orphan / "weights").write_bytes(b"x")
    running = process.start(state_dir)
    assert not orphan.exists()
    assert StubClient(running.host, running.token).raw("GET", f"{FILES}{place('ml.own.m', 1)}/MLmodel").status == 200


def slow_upload(client: StubClient, path: str, declared: int) -> socket.socket:
    """A connection on which the head of an upload was sent."""
    host, _, port = client.host.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(
        f"PUT {FILES}{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {declared}\r\n"
        f"Authorization: {client.authorization['Authorization']}\r\n\r\n".encode()
    )
    return connection


def wait_for(condition: object) -> None:
    import time

    assert callable(condition)
    deadline = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except FileNotFoundError:
            pass
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)
