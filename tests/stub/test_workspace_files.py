"""Files of the workspace: what `databricks bundle` keeps its state in."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from bandplan.stub import process
from tests.stub.stub_client import Reply, StubClient

API = "/api/2.0/workspace"
HOME = "/Users/developer@bandplan.example"
EVERY_BYTE = bytes(range(256))


def folder(client: StubClient, name: str) -> str:
    """A folder that no other test uses."""
    client.ok("POST", f"{API}/mkdirs", {"path": f"{HOME}/{name}"})
    return f"{HOME}/{name}"


def upload(client: StubClient, path: str, content: bytes, overwrite: bool = False) -> Reply:
    """As the Databricks CLI sends it: the whole path in one segment."""
    segment = quote(path.lstrip("/"), safe="")
    query = f"?overwrite={str(overwrite).lower()}"
    response = client.raw("POST", f"{API}-files/import-file/{segment}{query}", content)
    return Reply(response.status, json.loads(response.data), {})


def export(client: StubClient, path: str) -> bytes:
    response = client.raw("GET", f"{API}/export?direct_download=true&path={quote(path)}")
    assert response.status == 200, response.data
    return response.data


def status(client: StubClient, path: str) -> Reply:
    return client.send("GET", f"{API}/get-status?path={quote(path)}&return_export_info=true")


def test_file_comes_back_byte_for_byte(client: StubClient, name: str) -> None:
    path = f"{folder(client, name)}/every byte %2F.bin"
    assert upload(client, path, EVERY_BYTE).status == 200
    assert export(client, path) == EVERY_BYTE
    assert base64.b64decode(client.ok("GET", f"{API}/export?path={quote(path)}")["content"]) == EVERY_BYTE
    shown = status(client, path).body
    assert (shown["object_type"], shown["path"], shown["size"]) == ("FILE", path, 256)


def test_file_is_replaced_only_when_that_is_asked_for(client: StubClient, name: str) -> None:
    path = f"{folder(client, name)}/lock"
    upload(client, path, b"first")
    object_id = status(client, path).body["object_id"]
    refused = upload(client, path, b"second")
    assert (refused.status, refused.error_code) == (409, "ALREADY_EXISTS")
    assert export(client, path) == b"first"
    assert upload(client, path, b"second", overwrite=True).status == 200
    assert export(client, path) == b"second"
    assert status(client, path).body["object_id"] == object_id


def test_of_many_who_want_one_lock_exactly_one_gets_it(client: StubClient, name: str) -> None:
    path = f"{folder(client, name)}/deploy.lock"
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda n: upload(client, path, str(n).encode()).status, range(32)))
    assert sorted(replies) == [200] + [409] * 31
    assert export(client, path) == str(replies.index(200)).encode()


def test_file_needs_its_folder_and_mkdirs_makes_all_of_them(client: StubClient, name: str) -> None:
    path = f"{HOME}/{name}/a/b/file"
    missing = upload(client, path, b"x")
    assert (missing.status, missing.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")
    client.ok("POST", f"{API}/mkdirs", {"path": f"{HOME}/{name}/a/b"})
    assert upload(client, path, b"x").status == 200
    assert status(client, f"{HOME}/{name}/a").body["object_type"] == "DIRECTORY"
    beneath_a_file = client.send("POST", f"{API}/mkdirs", {"path": f"{path}/c"})
    assert (beneath_a_file.status, beneath_a_file.error_code) == (400, "RESOURCE_ALREADY_EXISTS")


def test_list_gives_what_lies_directly_in_a_folder(client: StubClient, name: str) -> None:
    root = folder(client, name)
    client.ok("POST", f"{API}/mkdirs", {"path": f"{root}/b/c"})
    upload(client, f"{root}/a", b"")
    listed = client.ok("GET", f"{API}/list?path={root}")["objects"]
    assert [(entry["path"], entry["object_type"]) for entry in listed] == [
        (f"{root}/a", "FILE"),
        (f"{root}/b", "DIRECTORY"),
    ]
    assert [entry["path"] for entry in client.ok("GET", f"{API}/list?path={root}/a")["objects"]] == [f"{root}/a"]
    assert client.ok("GET", f"{API}/list?path={root}/b/c") == {}


def test_mount_and_bare_path_are_the_same_folder_shown_as_asked(client: StubClient, name: str) -> None:
    root = folder(client, name)
    upload(client, f"/Workspace{root}/file", b"x")
    assert export(client, f"{root}/file") == b"x"
    assert status(client, f"/Workspace{root}").body["path"] == f"/Workspace{root}"
    assert status(client, root).body["path"] == root
    listed = client.ok("GET", f"{API}/list?path=/Workspace{root}")["objects"]
    assert [entry["path"] for entry in listed] == [f"/Workspace{root}/file"]


def test_delete_takes_a_full_folder_only_when_that_is_asked_for(client: StubClient, name: str) -> None:
    root = folder(client, name)
    folder(client, f"{name}-neighbour")
    upload(client, f"{root}/file", b"x")
    refused = client.send("POST", f"{API}/delete", {"path": root})
    assert (refused.status, refused.error_code) == (400, "DIRECTORY_NOT_EMPTY")
    client.ok("POST", f"{API}/delete", {"path": root, "recursive": True})
    assert status(client, f"{root}/file").status == 404
    assert status(client, f"{root}-neighbour").status == 200
    assert client.send("POST", f"{API}/delete", {"path": root}).status == 404


@pytest.mark.parametrize("path", ["/", "/Workspace", "/Users", HOME, "/Shared"])
def test_folders_that_are_always_there_are_not_deleted(client: StubClient, path: str) -> None:
    assert client.send("POST", f"{API}/delete", {"path": path, "recursive": True}).status == 400
    assert status(client, path).body["object_type"] == "DIRECTORY"


@pytest.mark.parametrize("way", ["/../../../etc/passwd", "/./..//../../etc/passwd", "/Workspace/../../etc/passwd"])
def test_no_path_leads_out_of_the_tree(client: StubClient, way: str) -> None:
    assert status(client, f"{HOME}{way}").error_code == "RESOURCE_DOES_NOT_EXIST"
    assert upload(client, f"{HOME}{way}", b"x").status == 404


@pytest.mark.parametrize("path", ["relative", "/nul\x00", "/line\nbreak", "/lone\udc80", "/" + "x" * 2000])
def test_what_cannot_be_a_path_is_refused(client: StubClient, path: str) -> None:
    reply = client.send("POST", f"{API}/mkdirs", {"path": path})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")


def test_import_takes_base64_and_refuses_what_is_not(client: StubClient, name: str) -> None:
    path = f"{folder(client, name)}/notebook.txt"
    body = {"path": path, "format": "AUTO", "content": base64.b64encode(EVERY_BYTE).decode()}
    client.ok("POST", f"{API}/import", body)
    assert export(client, path) == EVERY_BYTE
    again = client.send("POST", f"{API}/import", body)
    assert (again.status, again.error_code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert client.send("POST", f"{API}/import", {"path": path, "content": "not base64!"}).status == 400


def test_file_larger_than_the_platform_takes_is_refused(client: StubClient, name: str) -> None:
    path = f"{folder(client, name)}/large"
    assert upload(client, path, bytes(10 * 1024 * 1024 + 1)).status == 400
    assert status(client, path).status == 404


def test_a_folder_is_not_exported(client: StubClient, name: str) -> None:
    assert client.send("GET", f"{API}/export?path={folder(client, name)}").status == 400


def test_files_outlive_the_process(state_dir: Path, name: str) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    path = f"{folder(client, name)}/file"
    upload(client, path, EVERY_BYTE)
    before = status(client, path).body
    process.stop(state_dir)
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    assert status(client, path).body == before
    assert export(client, path) == EVERY_BYTE


def test_telemetry_is_thanked_for_and_dropped(client: StubClient) -> None:
    body = {"uploadTime": 1, "items": [], "protoLogs": ["{}", "{}"]}
    assert client.ok("POST", "/telemetry-ext", body) == {"errors": [], "numProtoSuccess": 2}


def test_permissions_of_a_folder_are_kept_until_it_is_deleted(client: StubClient, name: str) -> None:
    path = folder(client, name)
    folder_id = status(client, path).body["object_id"]
    api = f"/api/2.0/permissions/directories/{folder_id}"
    assert client.ok("GET", api)["object_type"] == "directory"
    wanted = {"access_control_list": [{"group_name": "apps", "permission_level": "CAN_READ"}]}
    client.ok("PUT", api, wanted)
    shown = client.ok("GET", api)["access_control_list"]
    assert shown[0] == {
        "group_name": "apps",
        "all_permissions": [{"permission_level": "CAN_READ", "inherited": False}],
    }
    levels = client.ok("GET", f"{api}/permissionLevels")["permission_levels"]
    assert [row["permission_level"] for row in levels] == ["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]
    of_an_endpoint = {"access_control_list": [{"group_name": "apps", "permission_level": "CAN_QUERY"}]}
    assert client.send("PUT", api, of_an_endpoint).error_code == "INVALID_PARAMETER_VALUE"
    client.ok("POST", f"{API}/delete", {"path": path})
    assert client.send("GET", api).status == 404
