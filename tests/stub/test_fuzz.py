"""No request makes the workspace fail: every operation of its OpenAPI description, and raw bytes on its port.

The examples are the same in every run, and few. With BANDPLAN_FUZZ_EXAMPLES=200 there are that many per operation, others
each time.
"""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from bandplan.stub import process
from bandplan.stub.api.answers import STATUS_BY_CODE
from tests.stub.stub_client import ENDPOINTS, LLAMA, MAVERICK, MODELS, StubClient, bands

EXAMPLES = int(os.environ.get("BANDPLAN_FUZZ_EXAMPLES", "0"))

FUZZING = settings(
    max_examples=EXAMPLES or 3,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
RAW = settings(FUZZING, max_examples=10 * EXAMPLES or 60)

SHARES = 3
"""The operations are dealt to so many tests, which can run beside each other."""

STATUSES = {200, 204, 206, *STATUS_BY_CODE.values()} - {500}

KNOWN = {
    "name": ["fuzzed", "pt", "ml.default.fuzzed"],
    "id": ["fuzzed"],
    "model": ["ml.default.fuzzed", LLAMA, "fuzzed"],
    "full_name": ["ml.default.fuzzed", "ml.default", MAVERICK],
    "version": ["1", "2", "01", "-1", "9" * 40],
    "entity": ["llama_v3_3_70b_instruct-1"],
    "alias": ["champion"],
    "path": [
        "Models/ml/default/fuzzed/1/MLmodel",
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "Workspace/x",
        "a//b",
    ],
    "grant": ["x", "x.y"],
    "model_id": ["m-1"],
    "key": ["team"],
    "experiment_id": ["0", "1"],
    "run_id": ["x"],
}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubClient]:
    """A workspace of their own for the fuzzers, with something in it."""
    state_dir = tmp_path_factory.mktemp("fuzzed-stub")
    running = process.start(state_dir, settle="at-once")
    client = StubClient(running.host, running.token)
    client.create("fuzzed", bands())
    client.ok("POST", MODELS, {"name": "fuzzed", "catalog_name": "ml", "schema_name": "default"})
    version = {"model_name": "fuzzed", "catalog_name": "ml", "schema_name": "default", "source": "dbfs:/x"}
    client.ok("POST", f"{MODELS}/versions", version)
    yield client
    process.stop(state_dir)


def only_described_fields(schema: Any) -> Any:
    """Without made-up fields, which the workspace passes over: they cost time and find nothing."""
    if isinstance(schema, list):
        return [only_described_fields(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: only_described_fields(part) for key, part in schema.items()}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def problem(client: StubClient, case: Any, status: int, content: bytes) -> str | None:
    """What is wrong with an answer; None for one that the platform could give."""
    if status not in STATUSES:
        return f"status {status}: {content[:200]!r}"
    # Cloud storage, which presigned URLs lead to, says its errors in XML, and OAuth has a form of its own.
    if status >= 400 and case.method != "HEAD" and not case.path.startswith(("/presigned/", "/oidc/")):
        try:
            error = json.loads(content)
        except ValueError:
            error = {}
        if not {"error_code", "message"} <= set(error):
            return f"error of another form: {content[:200]!r}"
    if client.authorization["Authorization"].removeprefix("Bearer ").encode() in content:
        return "the token is in the answer"
    return None


@pytest.mark.parametrize("share", range(SHARES))
def test_no_described_request_makes_the_workspace_fail(fuzzed: StubClient, share: int) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    document = fuzzed.ok("GET", "/stub/openapi.json")
    schema = schemathesis.openapi.from_dict(only_described_fields(document))
    operations = [result.ok() for result in schema.get_all_operations()][share::SHARES]
    assert len(operations) > 30
    found: list[str] = []
    for operation in operations:
        send = sender(fuzzed, found)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not EXAMPLES:
                continue  # the shapes are loose enough for the few examples of every run
            strategy = operation.as_strategy(generation_mode=mode)
            try:
                FUZZING(given(strategy, st.randoms(use_true_random=False))(send))()
            except Unsatisfiable:
                pass  # nothing can be wrong with a request that takes anything
    assert found == []


def sender(client: StubClient, found: list[str]) -> Callable[[Any, Any], None]:
    def send(case: Any, random: Any) -> None:
        # Half of the requests are about what is there, so that they come further than the first look-up.
        if random.random() < 0.5:
            for key in case.path_parameters:
                case.path_parameters[key] = random.choice(KNOWN.get(key, ["fuzzed"]))
        if isinstance(case.body, dict):
            for key in case.body.keys() & KNOWN.keys():
                if random.random() < 0.5:
                    case.body[key] = random.choice(KNOWN[key])
            if "route" in case.body and case.path == "/stub/faults":
                case.body["route"] = "/nowhere"
        try:
            response = case.call(base_url=client.host, headers=client.authorization, timeout=60)
        except Exception as error:
            if "Timeout" in type(error).__name__ or "ConnectionError" in type(error).__name__:
                found.append(f"{case.method} {case.formatted_path}: {type(error).__name__} {case.body!r}"[:500])
                raise
            return  # a header or path that no client can send
        wrong = problem(client, case, response.status_code, response.content)
        if wrong:
            found.append(f"{case.method} {case.formatted_path} {case.query} {case.body!r}: {wrong}"[:800])

    return send


def test_description_names_every_route_and_no_other(client: StubClient) -> None:
    from bandplan.stub.api.control.description import load

    document = client.ok("GET", "/stub/openapi.json")
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert len(described) > 100
    assert set(load()["requests"]) <= described
    assert "GET /stub/openapi.json" in described
    create = document["paths"][ENDPOINTS]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert create["required"] == ["name"]


def test_every_link_of_the_description_leads_somewhere(client: StubClient) -> None:
    text = json.dumps(client.ok("GET", "/stub/openapi.json"))
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text)) <= set(schemas)


HEAD_BYTES = st.binary(max_size=200)
METHODS = st.sampled_from(
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "BREW"]
)
PATHS = st.one_of(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60).map("/".__add__),
    st.sampled_from(
        [
            ENDPOINTS,
            f"{ENDPOINTS}/%00",
            f"{ENDPOINTS}/%ff%fe",
            f"{ENDPOINTS}/%",
            f"{ENDPOINTS}/%2F..%2F..",
            f"{ENDPOINTS}/../../etc/passwd",
            f"{ENDPOINTS}/fuzzed/served-models/%0d%0aX/logs",
            f"{ENDPOINTS}/get-model-optimization-info/a/b",
            f"{MODELS}/a.b.c/versions/99999999999999999999999",
            f"{MODELS}?max_results=-1&page_token=%F0%9F%92%A9",
            "/api/2.0/fs/files/../../../../etc/passwd",
            "/api/2.0/fs/files/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
            "/api/2.0/workspace/export?path=../../etc/passwd",
            "/serving-endpoints/fuzzed/invocations",
            "//",
            "*",
            "http://evil.example/",
            "/" + "a" * 10_000,
            "/" + "%41" * 5_000,
            "/?" + "q=1&" * 3_000,
        ]
    ),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Content-Type",
                "Accept",
                "Range",
                "Transfer-Encoding",
                "Expect",
                "Connection",
                "Upgrade",
                "X-Filler",
                "Cookie",
            ]
        ),
        st.one_of(
            st.sampled_from(
                [
                    "chunked",
                    "100-continue",
                    "close",
                    "websocket",
                    "bytes=0-",
                    "bytes=9-1",
                    "multipart/form-data",
                    "x" * 9000,
                ]
            ),
            st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40),
        ),
    ),
    max_size=4,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"",
            b"{",
            b'{"a":' * 50_000,
            b"[" * 100_000,
            b'{"name": "\\ud800"}',
            b'{"name": "\\u0000"}',
            b'{"name": "x", "name": 1}',
            b'{"name": 1e999}',
            b'{"name": -1E+400, "config": NaN}',
            b'{"n": ' + b"9" * 100_000 + b"}",
            b'{"max_tokens": 1e308, "messages": [{"role": "user", "content": "x"}]}',
            b'{"temperature": 1e999, "messages": []}',
            b"\xff\xfe{\x00}\x00",
            b"\xef\xbb\xbf{}",
            b"null",
            b"0",
        ]
    ),
)


@RAW
@given(METHODS, PATHS, HEADERS, BODIES, st.sampled_from(["right", "none", "wrong", "shorter", "longer"]))
@example("POST", ENDPOINTS, [], b"[" * 1_000_000, "right")
@example("POST", "/serving-endpoints/fuzzed/invocations", [], b'{"messages":' + b'[{"a":' * 20_000, "right")
@example("GET", ENDPOINTS, [("X-Filler", "x" * 60_000)], b"", "right")
def test_no_bytes_on_the_port_make_the_workspace_fail_or_hang(
    fuzzed: StubClient, method: str, path: str, headers: list[tuple[str, str]], body: bytes, length: str
) -> None:
    lengths = {"right": str(len(body)), "wrong": "x1", "shorter": str(len(body) // 2), "longer": str(len(body) + 10)}
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: {fuzzed.authorization['Authorization']}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {lengths[length]}"] if length in lengths else []
    answer = exchange(fuzzed, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    for status in re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE):
        assert int(status) in {100, *STATUSES}, (method, path, headers, body[:200], answer[:300])


@RAW
@given(HEAD_BYTES)
def test_bytes_that_are_no_http_end_the_connection_and_nothing_else(fuzzed: StubClient, data: bytes) -> None:
    answer = exchange(fuzzed, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert fuzzed.send("GET", "/stub/status").status == 200


def exchange(client: StubClient, data: bytes) -> bytes:
    """Send everything, say that nothing follows, and read to the end. Fails when no end comes."""
    host, _, port = client.host.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received
