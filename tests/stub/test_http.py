"""What holds for every request: token, headers, sizes, paths, error form."""

import json
import socket

import pytest

from stub import process
from stub.api.answers import json_answer
from stub.api.requests import Request
from stub.api.routing import Router
from stub.server import bind_loopback
from tests.stub.stub_client import ENDPOINTS, StubClient

MALFORMED = [b"{", b"[]", b'"text"', b'{"a": NaN}', b"\xff\xfe", b'{"a":' + b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}"]


@pytest.mark.parametrize("token", [None, "", "wrong", "wrong" * 1000])
@pytest.mark.parametrize("path", [ENDPOINTS, "/stub/status", "/serving-endpoints/x/invocations", "/no/such/route"])
def test_request_without_the_token_is_unauthenticated(running: process.Running, token: str | None, path: str) -> None:
    reply = StubClient(running.host, token).send("GET", path)
    assert (reply.status, reply.error_code) == (401, "UNAUTHENTICATED")


def test_discovery_needs_no_token_and_has_the_id_as_text(running: process.Running, client: StubClient) -> None:
    reply = StubClient(running.host, None).send("GET", "/.well-known/databricks-config")
    assert reply.status == 200
    assert reply.body["workspace_id"] == client.ok("GET", "/stub/status")["workspace_id"]
    assert reply.body["workspace_id"].isdigit()
    assert reply.body["host_type"] == "workspace"
    assert reply.body["oidc_endpoint"] == f"{running.host}/oidc"


@pytest.mark.parametrize("query", ["", "?", "?excludedAttributes=entitlements"])
def test_scim_me_names_the_user(client: StubClient, query: str) -> None:
    me = client.ok("GET", f"/api/2.0/preview/scim/v2/Me{query}")
    assert isinstance(me["id"], str)
    assert "@" in me["userName"]


@pytest.mark.parametrize("path", ["/api/2.0/preview/scim/v2/Me", ENDPOINTS, f"{ENDPOINTS}/missing", "/no/such/route"])
@pytest.mark.parametrize("token", [True, False])
def test_every_answer_carries_the_workspace_id(running: process.Running, client: StubClient, path: str, token: bool) -> None:
    asked = client if token else StubClient(running.host, None)
    workspace_id = client.ok("GET", "/stub/status")["workspace_id"]
    assert asked.send("GET", path).headers["x-databricks-org-id"] == workspace_id


@pytest.mark.parametrize("path", [ENDPOINTS, f"{ENDPOINTS}/", f"{ENDPOINTS}?", f"{ENDPOINTS}/?"])
def test_trailing_slash_and_bare_question_mark_make_no_difference(client: StubClient, path: str) -> None:
    assert "endpoints" in client.ok("GET", path)


def test_unknown_route_is_counted(client: StubClient) -> None:
    for _ in range(2):
        reply = client.send("GET", "/api/2.0/clusters/list?x=1")
        assert (reply.status, reply.error_code) == (404, "ENDPOINT_NOT_FOUND")
    assert client.ok("GET", "/stub/status")["unknown_routes"]["GET /api/2.0/clusters/list"] == 2


def test_known_path_with_another_method_is_not_found(client: StubClient) -> None:
    reply = client.send("PATCH", ENDPOINTS)
    assert (reply.status, reply.error_code) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_body_that_is_not_a_json_object_is_a_bad_request(client: StubClient, body: bytes) -> None:
    response = client.raw("POST", ENDPOINTS, body)
    assert response.status == 400
    assert json.loads(response.data)["error_code"] == "BAD_REQUEST"


def test_body_above_16_mib_is_refused(client: StubClient) -> None:
    response = client.raw("POST", ENDPOINTS, b'{"name": "' + b"x" * (16 * 1024 * 1024) + b'"}')
    assert response.status == 400
    assert "larger than 16777216 bytes" in json.loads(response.data)["message"]


def test_body_in_chunks_is_read_whole(client: StubClient, name: str) -> None:
    body = iter([b'{"name":', f'"{name}"'.encode(), b"}"])
    response = client.pool.request(
        "POST", client.host + ENDPOINTS, body=body, headers=client.authorization, chunked=True
    )
    assert json.loads(response.data)["name"] == name


def test_body_in_chunks_above_16_mib_is_refused(client: StubClient) -> None:
    body = iter([b" " * 1024 * 1024] * 17)
    response = client.pool.request(
        "POST", client.host + ENDPOINTS, body=body, headers=client.authorization, chunked=True
    )
    assert response.status == 400


@pytest.mark.parametrize("letter", ["é", "\x00", "\ud800", "'; DROP TABLE documents; --"])
def test_odd_characters_are_refused_or_kept_but_never_break(client: StubClient, letter: str) -> None:
    assert client.send("POST", ENDPOINTS, {"name": f"a{letter}"}).status == 400
    reply = client.send("POST", "/api/2.1/unity-catalog/models", {"name": letter, "catalog_name": "ml", "schema_name": "o"})
    assert reply.status in (200, 400)
    assert client.send("POST", "/stub/faults", {"endpoint": letter, "reason": letter}).status == 400


def route_of(router: Router, method: str, path: str) -> tuple[bytes, tuple[str, ...]] | None:
    found = router.find(method, path)
    if found is None:
        return None
    answer = found[0](Request(method, found[1], b"", {}, b""))
    return answer.body, found[1]  # type: ignore[union-attr]


def router_of(*routes: tuple[str, str]) -> Router:
    router = Router()
    for method, pattern in routes:
        router.add(method, pattern, lambda request, pattern=pattern: json_answer(pattern))
    return router


def test_literal_segment_wins_over_an_open_one() -> None:
    router = router_of(("POST", "/e/pt"), ("POST", "/e/{name}"), ("GET", "/e/{name}"))
    assert route_of(router, "POST", "/e/pt") == (b'"/e/pt"', ())
    assert route_of(router, "GET", "/e/pt") == (b'"/e/{name}"', ("pt",))


def test_encoded_slash_stays_inside_its_segment() -> None:
    router = router_of(("GET", "/files/{path}"), ("GET", "/files/{a}/{b}"))
    assert route_of(router, "GET", "/files/%2FModels%2Fx") == (b'"/files/{path}"', ("/Models/x",))


@pytest.mark.parametrize("path", ["", "/", "//", "/e", "/e//", "/e/a/b", "e/a"])
def test_path_that_matches_no_pattern_finds_nothing(path: str) -> None:
    assert router_of(("GET", "/e/{name}")).find("GET", path) is None


def test_listener_names_its_protocol_so_that_answers_are_not_delayed() -> None:
    # asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms for a delayed acknowledgement.
    with bind_loopback(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
        assert listener.getsockname()[0] == "127.0.0.1"
