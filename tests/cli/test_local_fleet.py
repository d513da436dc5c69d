"""The table of `bandplan stub status`, from answers of the workspace."""

from typing import Any

from bandplan.cli.columns import aligned
from bandplan.cli.local_fleet import HEADINGS, fleet_lines


def entity(**changes: Any) -> dict[str, Any]:
    engine = {"kind": "simulated", "weights": None, "state": "ready"}
    return {"name": "e", "model_units": None, "engine": engine, **changes}


def endpoint(**changes: Any) -> dict[str, Any]:
    """A ready endpoint in a band of 2 to 4 chunks of 980."""
    minute = {"answered": 0, "refused": 0, "failed": 0, "latency_ms": {"p50": None, "p95": None}}
    return {
        "name": "chat",
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "failure": None,
        "served_entities": [entity()],
        "floor": 1960,
        "ceiling": 3920,
        "chunks": 2,
        "chunks_max": 4,
        "chunks_starting": 0,
        "starts_in_seconds": None,
        "in_flight": 0,
        "in_flight_max": 8,
        "queue": 0,
        "tokens_per_second": 0.0,
        "last_minute": minute,
        "refusals": [],
        **changes,
    }


BUSY = endpoint(
    chunks=3,
    chunks_starting=1,
    starts_in_seconds=28.2,
    in_flight=12,
    in_flight_max=12,
    queue=1500,
    tokens_per_second=2536.4,
    last_minute={"answered": 9, "refused": 440, "failed": 3, "latency_ms": {"p50": 612.0, "p95": 22_630.0}},
    refusals=[{"status": 429, "message": "Too many\nconcurrent requests.", "count": 443}],
)
UNLIMITED = endpoint(
    name="free",
    **dict.fromkeys(("floor", "ceiling", "chunks", "chunks_max", "in_flight", "in_flight_max", "queue")),
)


def columns(line: str) -> list[str]:
    import re

    return re.split(r" {2,}", line)


def test_busy_endpoint_shows_its_chunks_queue_latency_and_refusals() -> None:
    head, row, refusal = fleet_lines([BUSY])
    assert columns(head) == list(HEADINGS)
    assert columns(row) == [
        "chat",
        "ready",
        "1,960 to 3,920",
        "3 of 4, 1 more in 29 s",
        "2,536",
        "12 of 12",
        "1,500",
        "612 ms / 22.6 s",
        "443",
        "simulated",
    ]
    assert refusal == "chat: last refused with 429: Too many concurrent requests."


def test_unit_of_two_durations_is_written_once_if_it_is_the_same() -> None:
    for low, high, shown in (
        (199.4, 203.0, "199 / 203 ms"),
        (10_400.0, 22_600.0, "10.4 / 22.6 s"),
        (999.0, 1000.0, "999 ms / 1.0 s"),
    ):
        minute = {**endpoint()["last_minute"], "latency_ms": {"p50": low, "p95": high}}
        assert columns(list(fleet_lines([endpoint(last_minute=minute)]))[1])[7] == shown


def test_what_is_not_known_is_a_dash() -> None:
    _, row = fleet_lines([UNLIMITED])
    assert columns(row) == ["free", "ready", "-", "-", "0", "-", "-", "-", "0", "simulated"]


def test_refusals_before_the_last_minute_are_not_repeated() -> None:
    old = endpoint(refusals=BUSY["refusals"])
    assert len(list(fleet_lines([old]))) == 2


def test_states_are_those_of_the_page() -> None:
    updates = ("NOT_UPDATING", "IN_PROGRESS", "UPDATE_FAILED")
    made = [endpoint(state={"ready": ready, "config_update": update}) for ready in ("READY", "X") for update in updates]
    shown = [columns(line)[1] for line in list(fleet_lines(made))[1:]]
    assert shown == ["ready", "ready, updating", "ready, update failed", "not ready", "starting", "failed"]


def test_failure_is_one_line_of_bounded_length() -> None:
    *_, line = fleet_lines([endpoint(failure="out of\nGPUs " + "x" * 500)])
    assert line.startswith("chat: the last update failed: out of GPUs xxx")
    assert line.endswith("…") and len(line) < 250


def test_model_units_and_engines_with_weights_are_named_once() -> None:
    vllm = {"kind": "vllm", "weights": "./w", "state": "starting"}
    entities = [
        entity(model_units=50, engine=vllm),
        entity(model_units=50, engine=vllm),
        entity(engine={**vllm, "kind": None}),
    ]
    _, row = fleet_lines([endpoint(served_entities=entities, floor=3250, ceiling=3250)])
    assert columns(row)[2] == "3,250 (100 units)"
    assert columns(row)[-1] == "vllm (./w): starting; starting"


def test_narrow_terminal_gets_paragraphs_that_fit() -> None:
    lines = list(fleet_lines([BUSY, UNLIMITED], width=80))
    assert lines == [
        "chat  ready, engine simulated",
        "  band 1,960 to 3,920 tokens/s, chunks 3 of 4, 1 more in 29 s",
        "  12 of 12 in flight, 1,500 in the queue",
        "  2,536 tokens/s, p50 / p95 612 ms / 22.6 s, 443 refused in the last minute",
        "free  ready, engine simulated",
        "  0 tokens/s",
        "chat: last refused with 429: Too many concurrent requests.",
    ]
    assert next(iter(fleet_lines([BUSY], width=200))).startswith("ENDPOINT")


def test_empty_workspace_has_no_table() -> None:
    assert list(fleet_lines([])) == []


def test_columns_are_as_wide_as_their_widest_cell_and_end_without_spaces() -> None:
    assert aligned([("a", "bbb", ""), ("aaa", "b", "c")]) == ["a    bbb", "aaa  b    c"]
