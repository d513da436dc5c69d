"""What holds for every request: token, headers, sizes, paths, error form."""

import asyncio
import json
import re
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from bandplan.stub import process
from bandplan.stub.api import application, routes
from bandplan.stub.api.answers import STATUS_BY_CODE, Answer
from bandplan.stub.api.queries.streams import EventStream, line
from bandplan.stub.api.routing import route
from bandplan.stub.engines import assignments_of
from bandplan.stub.inference.delivery import Delivery
from bandplan.stub.inference.engine import Batch, Generation, Token
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.server import bind_loopback
from bandplan.stub.state.serving.settle import Settle
from bandplan.stub.state.workspace import open_workspace
from tests.stub.engines.fake_engine import FakeEngine
from tests.stub.stub_client import ENDPOINTS, StubClient

MALFORMED = [
    b"{",
    b"[]",
    b'"text"',
    b'{"a": NaN}',
    b'{"a": 1e400}',
    b"\xff\xfe",
    b'{"a":' + b"[" * 100_000,
    b'{"n": ' + b"9" * 5000 + b"}",
]


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
def test_every_answer_carries_the_workspace_id(
    running: process.Running, client: StubClient, path: str, token: bool
) -> None:
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
    reply = client.send(
        "POST", "/api/2.1/unity-catalog/models", {"name": letter, "catalog_name": "ml", "schema_name": "own"}
    )
    assert reply.status in (200, 400)
    assert client.send("POST", "/stub/faults", {"endpoint": letter, "reason": letter}).status == 400


def ask(application: Starlette, method: str, path: str) -> tuple[dict[str, Any], list[Message]]:
    """The scope after the answer, and what was sent to the server, start first."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer token")]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": unquote(path), "headers": headers}
    scope |= {"raw_path": path.encode(), "asgi": {"spec_version": "2.4"}}
    asyncio.run(application(scope, receive, send))
    return scope, sent


def route_of(application: Starlette, method: str, path: str) -> tuple[bytes, tuple[str, ...]] | None:
    """The pattern that answers a raw path, and what its open segments hold; None when no route does."""
    scope, (start, body) = ask(application, method, path)
    if start["status"] == 404:
        assert json.loads(body["body"])["error_code"] == "ENDPOINT_NOT_FOUND"
        return None
    assert start["status"] == 200
    return body["body"], tuple(scope["path_params"].values())


def router_of(*routes: tuple[str, str]) -> Starlette:
    made = [route(method, pattern, Answer(pattern)) for method, pattern in routes]
    return application.build(made, "token", "1", Counter())


def test_literal_segment_wins_over_an_open_one() -> None:
    router = router_of(("POST", "/e/pt"), ("POST", "/e/{name}"), ("GET", "/e/{name}"))
    assert route_of(router, "POST", "/e/pt") == (b'"/e/pt"', ())
    assert route_of(router, "GET", "/e/pt") == (b'"/e/{name}"', ("pt",))


def test_encoded_slash_stays_inside_its_segment() -> None:
    router = router_of(("GET", "/files/{path}"), ("GET", "/files/{a}/{b}"))
    assert route_of(router, "GET", "/files/%2FModels%2Fx") == (b'"/files/{path}"', ("/Models/x",))


@pytest.mark.parametrize("path", ["", "/", "//", "/e", "/e//", "/e/a/b", "e/a", "e", "*"])
def test_path_that_matches_no_pattern_finds_nothing(path: str) -> None:
    assert route_of(router_of(("GET", "/e/{name}")), "GET", path) is None


def test_no_route_hides_behind_an_earlier_one(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path, Settle(reads=1))
    assignments = assignments_of(workspace, tmp_path, None, EngineOptions())
    patterns = [
        (sorted(made.methods or ()), made.path) for made in routes.build(workspace, "http://x", Counter(), assignments)
    ]
    workspace.close()
    application = router_of(*((method, pattern) for (method,), pattern in patterns))
    for (method,), pattern in patterns:
        found = route_of(application, method, re.sub(r"{\w+(:path)?}", "x", pattern))
        assert found is not None
        assert json.loads(found[0]) == pattern


def test_head_is_no_get_and_no_path_is_redirected(client: StubClient) -> None:
    assert client.raw("HEAD", ENDPOINTS).status == 404
    assert (
        client.pool.request("GET", f"{client.host}{ENDPOINTS}//", headers=client.authorization, redirect=False).status
        == 404
    )


def test_errors_have_only_statuses_that_every_client_knows() -> None:
    # MLflow takes any other for a failure of the server, and tries again for minutes.
    assert set(STATUS_BY_CODE.values()) <= {400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504}


def test_fixed_answer_given_twice_carries_the_workspace_id_once() -> None:
    application = router_of(("GET", "/e"))
    for _ in range(2):
        _, (start, _) = ask(application, "GET", "/e")
        assert [value for key, value in start["headers"] if key == b"x-databricks-org-id"] == [b"1"]


async def fail(request: Request) -> Response:
    raise RuntimeError("secret")


def test_unexpected_failure_is_an_internal_error_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    _, (start, body) = ask(application.build([route("GET", "/e", fail)], "token", "1", Counter()), "GET", "/e")
    assert start["status"] == 500
    assert (b"x-databricks-org-id", b"1") in start["headers"]
    assert json.loads(body["body"])["error_code"] == "INTERNAL_ERROR"
    assert b"secret" not in body["body"]
    assert "GET /e" in caplog.text


def test_stream_that_fails_ends_in_an_error_and_not_in_done() -> None:
    class Failing(FakeEngine):
        async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
            yield Batch((Token("one"),))
            raise RuntimeError("secret")

    class Parts:
        def first(self) -> bytes:
            return b""

        def part(self, at: int, tokens: Sequence[Token]) -> bytes:
            return b"".join(line(f'"{token.text}"'.encode()) for token in tokens)

        def last(self) -> bytes:
            return b""

    async def stream(request: Request) -> Response:
        return EventStream(Parts(), [Delivery(Failing(), Generation("m", ()))])

    _, sent = ask(application.build([route("GET", "/e", stream)], "token", "1", Counter()), "GET", "/e")
    first, last = (message["body"] for message in sent[1:] if message["body"])
    assert first == b'data: "one"\n\n'
    assert json.loads(last.removeprefix(b"data: "))["error_code"] == "INTERNAL_ERROR"
    assert not sent[-1].get("more_body")


@pytest.mark.parametrize(("length", "is_handled"), [(b"2", False), (b"0", True), (None, True)])
def test_request_whose_body_left_with_its_client_is_not_taken_for_one_without(
    length: bytes | None, is_handled: bool
) -> None:
    handled = []

    async def handle(request: Request) -> Response:
        handled.append(await request.body())
        return Answer({})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    headers = [(b"authorization", b"Bearer token"), *([(b"content-length", length)] if length else [])]
    scope = {"type": "http", "method": "POST", "path": "/e", "raw_path": b"/e", "headers": headers}
    asyncio.run(application.build([route("POST", "/e", handle)], "token", "1", Counter())(scope, receive, send))
    assert handled == ([b""] if is_handled else [])


def test_listener_names_its_protocol_so_that_answers_are_not_delayed() -> None:
    # asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms for a delayed acknowledgement.
    with bind_loopback(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
        assert listener.getsockname()[0] == "127.0.0.1"
