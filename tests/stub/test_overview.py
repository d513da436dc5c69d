"""GET /stub/endpoints and /stub/endpoints/{name}/history: what the page and `bandplan stub status` show."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, GTE, StubClient, bands, units

MESSAGES = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubClient]:
    """A provisioned workspace whose clock moves only when a test moves it."""
    state_dir = tmp_path_factory.mktemp("overview") / "stub"
    running = process.start(state_dir, settle="at-once", capacity="provisioned")
    client = StubClient(running.host, running.token)
    client.ok("POST", "/stub/clock", {"stopped": True})
    yield client
    process.stop(state_dir)


@pytest.fixture
def free(tmp_path: Path) -> Iterator[StubClient]:
    """A workspace without limits, on a stopped clock."""
    running = process.start(tmp_path / "stub", settle="at-once")
    client = StubClient(running.host, running.token)
    client.ok("POST", "/stub/clock", {"stopped": True})
    yield client
    process.stop(tmp_path / "stub")


def row(client: StubClient, name: str) -> Any:
    return next(one for one in client.ok("GET", "/stub/endpoints")["endpoints"] if one["name"] == name)


def ask(client: StubClient, name: str, **fields: Any) -> Any:
    return client.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": MESSAGES, **fields})


def known(column: list[float | None]) -> float:
    return sum(value for value in column if value is not None)


def test_row_shows_band_chunks_and_entity(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e"))
    shown = row(stopped, name)
    assert (shown["floor"], shown["ceiling"]) == (980, 1960)
    assert (shown["chunks"], shown["chunks_min"], shown["chunks_max"], shown["chunks_starting"]) == (1, 1, 2, 0)
    assert (shown["in_flight"], shown["in_flight_max"], shown["queue"]) == (0, 4, 0)
    assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert shown["task"] == "llm/v1/chat"
    (entity,) = shown["served_entities"]
    assert entity["entity_name"].endswith("llama_v3_3_70b_instruct") and entity["entity_version"] == "1"
    assert (entity["sold_as"], entity["traffic_percent"], entity["floor"]) == ("bands", 100, 980)
    assert entity["engine"]["kind"] == "simulated"


def test_row_of_model_units_has_its_ceiling_where_bursting_ends(stopped: StubClient, name: str) -> None:
    # 50 units are 3,250 tokens/s, and twice that in a burst.
    stopped.create(name, units(name="e"))
    shown = row(stopped, name)
    assert (shown["floor"], shown["ceiling"]) == (3250, 6500)
    assert (shown["served_entities"][0]["sold_as"], shown["served_entities"][0]["model_units"]) == ("model_units", 50)


def test_row_of_two_entities_sums_them_up_and_lists_both(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="a"), bands(name="b"))
    shown = row(stopped, name)
    assert (shown["floor"], shown["ceiling"], shown["chunks"]) == (1960, 3920, 2)
    assert [(one["name"], one["floor"], one["traffic_percent"]) for one in shown["served_entities"]] == [
        ("a", 980, 50),
        ("b", 980, 50),
    ]


def test_looking_is_no_read_of_an_update(tmp_path: Path, name: str) -> None:
    running = process.start(tmp_path / "stub", settle="reads:1", capacity="provisioned")
    client = StubClient(running.host, running.token)
    try:
        client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands(name="e")]}})
        for _ in range(3):
            shown = row(client, name)
            client.ok("GET", f"/stub/endpoints/{name}/history")
        assert shown["state"] == {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
        assert shown["floor"] is None and shown["served_entities"][0]["sold_as"] == "bands"
        client.ok("GET", f"{ENDPOINTS}/{name}")
        assert row(client, name)["state"]["ready"] == "READY"
    finally:
        process.stop(tmp_path / "stub")


def test_failed_update_shows_its_reason(stopped: StubClient, name: str) -> None:
    stopped.ok("POST", "/stub/faults", {"endpoint": name, "reason": "out of GPUs <script>alert(1)</script>"})
    stopped.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands(name="e")]}})
    shown = row(stopped, name)
    assert shown["failure"] == "out of GPUs <script>alert(1)</script>"
    assert shown["state"] == {"ready": "NOT_READY", "config_update": "UPDATE_FAILED"}


def test_history_shows_band_queue_tokens_and_refusals_to_one_who_looks_late(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", max_provisioned_throughput=980))
    stopped.ok("PUT", f"/stub/endpoints/{name}/capacity", {"queue_limit": 2})
    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = [pool.submit(ask, stopped, name, max_tokens=10) for _ in range(6)]
        deadline = time.monotonic() + 60
        while row(stopped, name)["queue"] < 2:
            assert time.monotonic() < deadline
        assert ask(stopped, name).status == 429
        assert ask(stopped, name).status == 429
        # On a slow machine, steps without a pause would outrun the ten minutes of the history.
        while wait(answers, timeout=0.2).not_done:
            stopped.ok("POST", "/stub/clock", {"advance_seconds": 5})
    stopped.ok("POST", "/stub/clock", {"advance_seconds": 240})
    shown = stopped.ok("GET", f"/stub/endpoints/{name}/history")
    steps = shown["steps"]
    assert {len(column) for column in steps.values()} == {120}
    assert shown["now_ms"] - shown["first_step_ms"] == pytest.approx(597_500, abs=2_500)
    tokens = sum(answer.result().body["usage"]["total_tokens"] for answer in answers)
    assert known(steps["tokens_per_second"]) * 5 == pytest.approx(tokens)
    assert known(steps["output_tokens_per_second"]) * 5 == pytest.approx(60)
    assert (known(steps["answered"]), known(steps["refused"]), known(steps["failed"])) == (6, 2, 0)
    assert max(filter(None, steps["queue"])) == 2
    assert max(filter(None, steps["in_flight"])) == 4
    assert steps["tokens_per_second"].count(None) == steps["floor"].count(None) > 0
    assert (steps["floor"][-1], steps["ceiling"][-1], steps["chunks"][-1]) == (980, 980, 1)
    assert steps["floor"][0] is None
    assert sum(value is not None for value in steps["latency_p50_ms"]) >= 1
    (refusal,) = shown["refusals"]
    assert (refusal["status"], refusal["count"]) == (429, 2)
    assert refusal["message"].startswith("Too many concurrent requests.")
    assert row(stopped, name)["refusals"] == [refusal]


def test_workspace_without_limits_counts_tokens_and_shows_no_band(free: StubClient, name: str) -> None:
    free.create(name, bands(name="e"))
    usage = ask(free, name, max_tokens=20).body["usage"]
    shown = row(free, name)
    assert (shown["floor"], shown["queue"], shown["chunks"]) == (None, None, None)
    assert shown["last_minute"]["answered"] == 1
    assert shown["last_minute"]["latency_ms"]["p50"] > 0
    history = free.ok("GET", f"/stub/endpoints/{name}/history")
    assert history["steps"]["tokens_per_second"][-1] * 5 == usage["total_tokens"]
    assert history["steps"]["floor"] == [None] * 120


@pytest.mark.parametrize("is_stream", [False, True])
def test_engine_that_cannot_answer_is_a_refusal_with_its_reason(free: StubClient, name: str, is_stream: bool) -> None:
    free.create(name, bands(name="e"))
    free.ok("PUT", "/stub/engines", {name: {"engine": "openai", "url": "http://127.0.0.1:9/v1", "model": "m"}})
    answer = ask(free, name, stream=is_stream)
    assert answer.status == 503
    (refusal,) = row(free, name)["refusals"]
    assert (refusal["status"], refusal["message"]) == (503, answer.message)
    assert "http://127.0.0.1:9/v1 cannot be reached" in refusal["message"]
    assert row(free, name)["served_entities"][0]["engine"]["state"] == "failed"


def test_embeddings_count_their_input(stopped: StubClient, name: str) -> None:
    entity = {
        "name": "e",
        "entity_name": GTE,
        "entity_version": "1",
        "min_provisioned_throughput": 0,
        "max_provisioned_throughput": stopped.ok("GET", f"{ENDPOINTS}/get-model-optimization-info/{GTE}/1")[
            "throughput_chunk_size"
        ],
    }
    stopped.create(name, entity)
    with ThreadPoolExecutor(max_workers=1) as pool:
        body = {"input": ["one two three"]}
        answer = pool.submit(stopped.send, "POST", f"/serving-endpoints/{name}/invocations", body)
        while wait([answer], timeout=0.1).not_done:
            stopped.ok("POST", "/stub/clock", {"advance_seconds": 10})
    steps = stopped.ok("GET", f"/stub/endpoints/{name}/history")["steps"]
    assert known(steps["tokens_per_second"]) * 5 == pytest.approx(answer.result().body["usage"]["total_tokens"])
    assert known(steps["output_tokens_per_second"]) == 0


def test_history_of_an_unknown_endpoint_is_404(stopped: StubClient) -> None:
    reply = stopped.send("GET", "/stub/endpoints/nobody/history")
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")
