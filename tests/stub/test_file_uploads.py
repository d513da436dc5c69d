"""Presigned URLs, and uploads in parts."""

import os
import random
from typing import Any
from urllib.parse import urlsplit

import pytest

from bandplan.stub import process
from bandplan.stub.state.files.multipart_uploads import STALE_MS, MultipartUploads
from bandplan.stub.state.files.presigned import BadSignature, Expired, UrlGrant, sign, verify
from tests.stub.registering import FILES, created, error, finalized, mlmodel, place, put
from tests.stub.stub_client import StubClient

PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def folder(client: StubClient, name: str) -> str:
    return place(f"ml.own.{name}", created(client, f"ml.own.{name}"))


def url_for(client: StubClient, what: str, path: str, **fields: Any) -> str:
    made = client.ok("POST", f"/api/2.0/fs/create-{what}-url", {"path": path, **fields})
    assert made["headers"] == []
    return str(made["url"])


def begin(client: StubClient, path: str, query: str = "") -> str:
    begun = client.ok("POST", f"{FILES}{path}?action=initiate-upload{query}")
    return str(begun["multipart_upload"]["session_token"])


def part_urls(client: StubClient, path: str, token: str, first: int = 1, count: int = 1, **fields: Any) -> list[str]:
    body = {"path": path, "session_token": token, "start_part_number": first, "count": count, **fields}
    rows = client.ok("POST", "/api/2.0/fs/create-upload-part-urls", body)["upload_part_urls"]
    assert [row["part_number"] for row in rows] == list(range(first, first + count))
    return [row["url"] for row in rows]


def send_part(client: StubClient, path: str, token: str, number: int, data: bytes) -> dict[str, Any]:
    (url,) = part_urls(client, path, token, number)
    response = client.pool.request("PUT", url, body=data)
    assert response.status == 200, response.data
    return {"part_number": number, "etag": response.headers["ETag"]}


def complete(client: StubClient, path: str, token: str, parts: list[dict[str, Any]]) -> Any:
    query = f"action=complete-upload&upload_type=multipart&session_token={token}"
    return client.send("POST", f"{FILES}{path}?{query}", {"parts": parts})


def test_presigned_urls_need_no_token_and_name_this_workspace_only(client: StubClient, folder: str) -> None:
    url = url_for(client, "upload", f"{folder}/f")
    assert url.startswith(f"{client.host}/")
    assert client.pool.request("PUT", url, body=b"data").status == 200
    down = url_for(client, "download", f"{folder}/f")
    response = client.pool.request("GET", down)
    assert (response.data, response.headers["content-length"]) == (b"data", "4")
    by_query = client.ok("POST", f"/api/2.0/fs/create-download-url?path={folder}/f&expire_time=2099-01-01T00:00:00Z")
    assert client.pool.request("GET", by_query["url"]).data == b"data"


def test_presigned_url_is_good_for_its_own_request_alone(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"data")
    up, down = url_for(client, "upload", f"{folder}/f"), url_for(client, "download", f"{folder}/f")
    for method, url in (("GET", up), ("PUT", down), ("DELETE", down), ("DELETE", up)):
        assert client.pool.request(method, url).status == 403, method
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"data"


def test_presigned_url_that_was_changed_or_made_up_is_refused(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"data")
    down = url_for(client, "download", f"{folder}/f")
    payload, _, signature = down.rpartition("/")[2].partition(".")
    other = sign(os.urandom(32), UrlGrant("download", f"{folder}/f", 2**53))
    for grant in (
        f"{payload}.",
        f"{payload}x.{signature}",
        f"{payload}.{signature[:-2]}AA",
        other,
        "x",
        "x.y",
        "%00.%00",
    ):
        response = client.pool.request("GET", f"{client.host}/presigned/{grant}")
        assert response.status == 403, grant
        assert b"<Code>SignatureDoesNotMatch</Code>" in response.data


def test_expired_url_is_refused_in_the_words_by_which_clients_ask_anew(client: StubClient, folder: str) -> None:
    put(client, f"{folder}/f", b"data")
    token = begin(client, f"{folder}/g")
    for method, url in (
        ("PUT", url_for(client, "upload", f"{folder}/f", expire_time=PAST)),
        ("GET", url_for(client, "download", f"{folder}/f", expire_time=PAST)),
        ("PUT", part_urls(client, f"{folder}/g", token, expire_time=PAST)[0]),
    ):
        response = client.pool.request(method, url, body=b"new" if method == "PUT" else None)
        assert response.status == 403
        assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in response.data
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"data"


def test_presigned_urls_end_with_the_process_that_made_them(state_dir: Any) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    folder = place("ml.own.m", created(client, "ml.own.m"))
    url = url_for(client, "upload", f"{folder}/f")
    process.stop(state_dir)
    again = process.start(state_dir)
    response = client.pool.request("PUT", f"{again.host}{urlsplit(url).path}", body=b"x")
    assert response.status == 403


def test_presigned_upload_into_a_version_that_was_finalized_since_is_refused(client: StubClient, name: str) -> None:
    full_name = f"ml.own.{name}"
    version = created(client, full_name)
    folder = place(full_name, version)
    put(client, f"{folder}/MLmodel", mlmodel())
    url, token = url_for(client, "upload", f"{folder}/late"), begin(client, f"{folder}/parts")
    part = send_part(client, f"{folder}/parts", token, 1, b"x")
    finalized(client, full_name, version)
    assert client.pool.request("PUT", url, body=b"x").status == 400
    assert error(complete(client, f"{folder}/parts", token, [part])) == (400, "INVALID_PARAMETER_VALUE")
    for path in ("late", "parts"):
        assert client.raw("GET", f"{FILES}{folder}/{path}").status == 404


@pytest.mark.parametrize(
    ("sizes", "order"),
    [
        ([100, 100, 40], [1, 2, 3]),
        ([100, 100, 40], [3, 1, 2]),
        ([100, 100, 100, 100, 7], [1, 5, 2, 4, 3]),
        ([100, 30, 100, 1], [1, 2, 3, 4]),
        ([30, 100, 5], [2, 3, 1]),
        ([100], [1]),
        ([0], [1]),
    ],
    ids=["in order", "last one first", "mixed", "unequal", "unequal and mixed", "one", "empty"],
)
def test_parts_in_any_order_make_the_whole_file(
    client: StubClient, running: process.Running, folder: str, sizes: list[int], order: list[int]
) -> None:
    data = random.Random(7).randbytes(sum(sizes))
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    token = begin(client, f"{folder}/f")
    sent = {
        number: send_part(
            client, f"{folder}/f", token, number, data[starts[number - 1] : starts[number - 1] + sizes[number - 1]]
        )
        for number in order
    }
    assert client.raw("GET", f"{FILES}{folder}/f").status == 404  # nothing shows before the whole is there
    assert complete(client, f"{folder}/f", token, [sent[n] for n in sorted(sent)]).status == 200
    assert client.raw("GET", f"{FILES}{folder}/f").data == data
    assert complete(client, f"{folder}/f", token, list(sent.values())).status == 404


def test_part_that_is_sent_again_replaces_the_first_one(client: StubClient, folder: str) -> None:
    token = begin(client, f"{folder}/f")
    first = send_part(client, f"{folder}/f", token, 1, b"aaaa")
    old = send_part(client, f"{folder}/f", token, 2, b"bbbb")
    new = send_part(client, f"{folder}/f", token, 2, b"cc")
    assert error(complete(client, f"{folder}/f", token, [first, old])) == (400, "INVALID_PARAMETER_VALUE")
    assert complete(client, f"{folder}/f", token, [first, new]).status == 200
    assert client.raw("GET", f"{FILES}{folder}/f").data == b"aaaacc"


def test_blocks_of_zeros_are_kept_without_taking_room(
    client: StubClient, running: process.Running, folder: str
) -> None:
    zeros, mib = bytes(4 * 1024 * 1024), 1024 * 1024
    put(client, f"{folder}/whole", zeros + b"end")
    token = begin(client, f"{folder}/parts")
    parts = [send_part(client, f"{folder}/parts", token, number, zeros) for number in (1, 2)]
    complete(client, f"{folder}/parts", token, parts)
    assert client.raw("GET", f"{FILES}{folder}/whole").data == zeros + b"end"
    assert client.raw("GET", f"{FILES}{folder}/parts").data == zeros * 2
    for name in ("whole", "parts"):
        (path,) = (p for p in running.state_dir.glob(f"files/models/*/{name}") if p.stat().st_size > mib)
        assert path.stat().st_blocks * 512 < mib
        path.unlink()


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"part_number": 2, "etag": '"x"'}],
        [{"part_number": 1, "etag": '"wrong"'}],
        [{"part_number": 1}],
        [{"part_number": 0, "etag": "x"}],
        [{"part_number": 10_001, "etag": "x"}],
    ],
)
def test_list_of_parts_that_did_not_come_is_refused(client: StubClient, folder: str, parts: list[Any]) -> None:
    token = begin(client, f"{folder}/f")
    send_part(client, f"{folder}/f", token, 1, b"x")
    assert error(complete(client, f"{folder}/f", token, parts)) == (400, "INVALID_PARAMETER_VALUE")
    assert client.raw("GET", f"{FILES}{folder}/f").status == 404


def test_session_token_is_good_for_its_own_path_alone(client: StubClient, folder: str) -> None:
    token = begin(client, f"{folder}/f")
    part = send_part(client, f"{folder}/f", token, 1, b"x")
    for path, given in ((f"{folder}/g", token), (f"{folder}/f", "made-up")):
        assert error(complete(client, path, given, [part])) == (404, "NOT_FOUND")
        body = {"path": path, "session_token": given, "start_part_number": 1, "count": 1}
        assert error(client.send("POST", "/api/2.0/fs/create-upload-part-urls", body)) == (404, "NOT_FOUND")


def test_aborted_upload_leaves_nothing(client: StubClient, running: process.Running, folder: str) -> None:
    before = set((running.state_dir / "files" / "incoming").glob("*"))
    token = begin(client, f"{folder}/f")
    part = send_part(client, f"{folder}/f", token, 1, b"x")
    (url,) = part_urls(client, f"{folder}/f", token, 2)
    body = {"path": f"{folder}/f", "session_token": token, "expire_time": "2099-01-01T00:00:00Z"}
    abort = client.ok("POST", "/api/2.0/fs/create-abort-upload-url", body)["abort_upload_url"]
    assert client.pool.request("DELETE", abort["url"]).status == 200
    assert set((running.state_dir / "files" / "incoming").glob("*")) == before
    assert client.pool.request("PUT", url, body=b"late").status == 404
    assert complete(client, f"{folder}/f", token, [part]).status == 404


def test_upload_in_parts_declines_to_replace_a_file(client: StubClient, folder: str) -> None:
    token = begin(client, f"{folder}/f", "&overwrite=false")
    part = send_part(client, f"{folder}/f", token, 1, b"x")
    put(client, f"{folder}/f", b"there before the end")
    assert error(complete(client, f"{folder}/f", token, [part])) == (409, "ALREADY_EXISTS")
    again = client.send("POST", f"{FILES}{folder}/f?action=initiate-upload&overwrite=false")
    assert error(again) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize("count", [0, 1001, -1])
def test_number_of_urls_is_bounded(client: StubClient, folder: str, count: int) -> None:
    body = {
        "path": f"{folder}/f",
        "session_token": begin(client, f"{folder}/f"),
        "start_part_number": 1,
        "count": count,
    }
    assert client.send("POST", "/api/2.0/fs/create-upload-part-urls", body).status == 400


def test_upload_that_nobody_goes_on_with_is_dropped_when_another_begins(tmp_path: Any) -> None:
    now_ms, ids = [0], iter(f"id{number}" for number in range(100))
    uploads = MultipartUploads(tmp_path, lambda: now_ms[0], lambda: next(ids))
    stale, busy = uploads.begin("/a", overwrite=True), uploads.begin("/b", overwrite=True)
    now_ms[0] = STALE_MS
    uploads.get(busy, "/b")
    now_ms[0] += 1
    uploads.begin("/c", overwrite=True)
    assert len(list(tmp_path.iterdir())) == 2
    assert uploads.get(busy, "/b").path == "/b"
    with pytest.raises(Exception, match="no upload of '/a'"):
        uploads.get(stale, "/a")


def test_grant_is_read_back_until_it_expires() -> None:
    key, grant = b"k" * 32, UrlGrant("part", "/Models/ä b", 1000, "session", 7)
    assert verify(key, sign(key, grant), now_ms=999) == grant
    with pytest.raises(Expired):
        verify(key, sign(key, grant), now_ms=1000)
    with pytest.raises(BadSignature):
        verify(b"l" * 32, sign(key, grant), now_ms=0)
