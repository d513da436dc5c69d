"""Requests that go wrong on the way: late, refused, cut off before, during or after their effect."""

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bandplan.stub import process
from bandplan.stub.state.faults.route_faults import RouteFault, check
from bandplan.stub.state.refusals import Invalid
from tests.stub.stub_client import ENDPOINTS, StubClient


def fault(client: StubClient, **fields: Any) -> None:
    client.ok("POST", "/stub/faults", fields)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubClient]:
    """A workspace for these tests alone: a fault of `POST /serving-endpoints` would hit the requests of others."""
    state_dir = tmp_path_factory.mktemp("faulty-stub")
    running = process.start(state_dir)
    yield StubClient(running.host, running.token)
    process.stop(state_dir)


@pytest.fixture
def alone(faulty: StubClient) -> StubClient:
    """That workspace without faults and endpoints."""
    faulty.ok("DELETE", "/stub/faults")
    for endpoint in faulty.ok("GET", ENDPOINTS)["endpoints"]:
        faulty.ok("DELETE", f"{ENDPOINTS}/{endpoint['name']}")
    return faulty


def test_error_before_the_effect_is_answered_as_asked_and_nothing_was_done(alone: StubClient) -> None:
    fault(
        alone,
        route=ENDPOINTS,
        method="POST",
        action="error",
        status=429,
        error_code="REQUEST_LIMIT_EXCEEDED",
        message="Slow down.",
        retry_after_seconds=7,
    )
    reply = alone.send("POST", ENDPOINTS, {"name": "e"})
    assert (reply.status, reply.error_code, reply.message) == (429, "REQUEST_LIMIT_EXCEEDED", "Slow down.")
    assert reply.headers["retry-after"] == "7"
    assert alone.ok("GET", ENDPOINTS) == {"endpoints": []}
    assert alone.ok("POST", ENDPOINTS, {"name": "e"})["name"] == "e"  # once, and only the method named


def test_error_after_the_effect_hides_an_answer_that_was_yes(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, method="POST", action="error", when="after", status=500, error_code="INTERNAL_ERROR")
    assert alone.send("POST", ENDPOINTS, {"name": "e"}).status == 500
    assert alone.ok("GET", f"{ENDPOINTS}/e")["name"] == "e"


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
def test_cut_connection_gives_no_answer_with_or_without_the_effect(alone: StubClient, when: str, done: bool) -> None:
    fault(alone, route=ENDPOINTS, method="POST", action="cut", when=when)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        alone.send("POST", ENDPOINTS, {"name": "e"})
    assert (alone.send("GET", f"{ENDPOINTS}/e").status == 200) is done


def test_cut_during_the_answer_leaves_half_of_it(alone: StubClient) -> None:
    alone.ok("POST", ENDPOINTS, {"name": "e"})
    fault(alone, route=f"{ENDPOINTS}/e", method="GET", action="cut", when="during")
    connection = http.client.HTTPConnection(alone.host.removeprefix("http://"), timeout=60)
    connection.request("GET", f"{ENDPOINTS}/e", headers=alone.authorization)
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    assert response.status == 200
    assert 0 < len(caught.value.partial) < int(response.headers["content-length"])


def test_large_body_of_a_refused_request_is_read_so_that_the_answer_arrives(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, method="POST", action="error")
    response = alone.raw("POST", ENDPOINTS, b" " * 8_000_000)
    assert response.status == 503


def test_delayed_request_is_answered_as_ever(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, action="delay", delay_seconds=0.001)
    assert alone.ok("GET", ENDPOINTS) == {"endpoints": []}
    assert alone.ok("GET", "/stub/status")["route_faults"] == []


def test_fault_hits_every_nth_request_after_those_it_skips_and_ends_after_its_times(alone: StubClient) -> None:
    fault(alone, route=f"{ENDPOINTS}/**", method="GET", action="error", skip=2, every=3, times=2)
    statuses = [alone.send("GET", ENDPOINTS).status for _ in range(12)]
    assert statuses == [200, 200, 200, 200, 503, 200, 200, 503, 200, 200, 200, 200]


def test_faults_without_end_last_until_they_are_cleared(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, action="error", times=None)
    fault(alone, endpoint="e", reason="no GPUs")
    left = alone.ok("GET", "/stub/status")["route_faults"]
    assert [(row["route"], row["times"]) for row in left] == [(ENDPOINTS, 1)]  # null counts as absent: once
    alone.ok("DELETE", "/stub/faults")
    status = alone.ok("GET", "/stub/status")
    assert (status["faults"], status["route_faults"]) == ([], [])
    assert alone.ok("GET", ENDPOINTS) == {"endpoints": []}


def test_fault_of_the_same_method_and_route_replaces_the_one_before(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, action="error", times=5)
    fault(alone, route=ENDPOINTS, action="error", times=1)
    assert [alone.send("GET", ENDPOINTS).status for _ in range(2)] == [503, 200]


def test_fault_and_what_it_has_counted_survive_kill_9(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    fault(client, route=ENDPOINTS, method="GET", action="error", skip=1, times=2)
    assert [client.send("GET", ENDPOINTS).status for _ in range(2)] == [200, 503]
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    again = process.start(state_dir)
    client = StubClient(again.host, again.token)
    assert [client.send("GET", ENDPOINTS).status for _ in range(2)] == [503, 200]


def test_the_stubs_own_paths_are_never_hit(alone: StubClient) -> None:
    fault(alone, route="/**", action="error", times=1000)
    assert alone.send("GET", ENDPOINTS).status == 503
    assert alone.send("GET", "/stub/status").status == 200
    assert alone.send("DELETE", "/stub/faults").status == 200
    assert alone.send("GET", ENDPOINTS).status == 200


def test_request_without_the_token_uses_up_no_fault_and_sees_none(alone: StubClient) -> None:
    fault(alone, route=ENDPOINTS, action="error")
    stranger = StubClient(alone.host, None)
    assert stranger.send("GET", ENDPOINTS).status == 401
    assert stranger.send("POST", "/stub/faults", {"route": ENDPOINTS, "action": "cut"}).status == 401
    assert alone.send("GET", ENDPOINTS).status == 503


@pytest.mark.parametrize(
    ("route", "method", "path", "hits"),
    [
        ("/a/b", "*", "/a/b", True),
        ("/a/b", "*", "/a/b/c", False),
        ("/a/*", "*", "/a/b", True),
        ("/a/*", "*", "/a/b/c", False),
        ("/a/*/c", "*", "/a/%2F/c", True),
        ("/a/**", "*", "/a/b/c", True),
        ("/a/**", "*", "/a", True),
        ("/a/**", "*", "/ab", False),
        ("/**", "*", "/", True),
        ("/a", "GET", "/a", True),
        ("/a", "POST", "/a", False),
    ],
)
def test_route_stands_for_paths(route: str, method: str, path: str, hits: bool) -> None:
    assert RouteFault(route, "cut", method=method).fits("GET", path) is hits


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"route": "a"}, "must begin with '/'"),
        ({"route": "/" + "a" * 2000}, "at most 1024 characters"),
        ({"route": "/a*"}, "use '*' for one whole path segment"),
        ({"route": "/**/a"}, "use '*' for one whole path segment"),
        ({"action": "explode"}, "'explode' is not one of error, cut, delay"),
        ({"method": "get"}, "'get' is not one of GET, POST"),
        ({"when": "later"}, "'later' is not one of before, during, after"),
        ({"status": 418}, "'418' is not one of 400"),
        ({"action": "delay"}, "delay_seconds: is required"),
        ({"delay_seconds": 1e9}, "delay_seconds: must be from 0 to 600"),
        ({"action": "error", "when": "during"}, "'during' is valid only with the action 'cut'"),
        ({"times": 0}, "times: must be from 1"),
        ({"every": 0}, "every: must be from 1"),
        ({"skip": -1}, "skip: must be from 0"),
        ({"retry_after_seconds": 10**9}, "retry_after_seconds: must be from 0 to 3600"),
        ({"error_code": "x" * 2000}, "at most 1024 characters"),
    ],
)
def test_fault_that_cannot_happen_is_refused_with_what_is_wrong(
    client: StubClient, fields: dict[str, Any], said: str
) -> None:
    reply = client.send("POST", "/stub/faults", {"route": "/a", "action": "cut", **fields})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert said in reply.message


def test_everything_wrong_with_a_fault_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        check(RouteFault("a", "explode", every=0))
    assert all(key in caught.value.message for key in ("action:", "route:", "every:"))


def test_fault_needs_exactly_one_of_endpoint_and_route(client: StubClient) -> None:
    for body in ({}, {"endpoint": "e", "route": "/a", "reason": "r", "action": "cut"}):
        assert client.send("POST", "/stub/faults", body).status == 400


def test_stream_can_be_cut_in_its_middle(alone: StubClient) -> None:
    alone.create("e")
    fault(alone, route="/serving-endpoints/e/invocations", action="cut", when="during")
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": True}).encode()
    host, _, port = alone.host.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /serving-endpoints/e/invocations HTTP/1.1\r\nHost: {host}\r\n"
        head += f"Authorization: {alone.authorization['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        received = b""
        while data := connection.recv(65536):
            received += data
    assert b" 200 OK" in received and b"data: " in received
    assert b"[DONE]" not in received


def test_fault_of_a_pattern_hits_endpoints_of_that_name(alone: StubClient) -> None:
    fault(alone, endpoint="big-*", reason="no GPUs", times=2)
    assert alone.create("small")["state"]["config_update"] == "NOT_UPDATING"
    assert alone.create("big-1")["state"]["config_update"] == "UPDATE_FAILED"
    assert alone.create("big-2")["state"]["config_update"] == "UPDATE_FAILED"
    assert alone.create("big-3")["state"]["config_update"] == "NOT_UPDATING"
