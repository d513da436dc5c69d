"""Verdicts as JSON, as lines of the trail, as measured use, and in words; and the query."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.target import Target
from bandplan.usage.bands import Band, Sizer
from bandplan.usage.decision import Decision, Today, decide
from bandplan.usage.problem import BadUsage
from bandplan.usage.query import query
from bandplan.usage.reason import Code, Reason
from bandplan.usage.scrape import Scrape
from bandplan.usage.text import lines_of, rows
from bandplan.usage.trail import append, last_changes
from bandplan.usage.usage_table import ENDPOINT_USAGE, GATEWAY_USAGE, Row
from bandplan.usage.verdict import Verdict, entity_measurements, moment
from bandplan.usage.window import DAY
from tests.usage.rows import NAME, NOW, observed, row, steady, window

AT = datetime(2026, 5, 24, 12, tzinfo=UTC)


def verdict(kind: str = "chunks") -> Verdict:
    """8 days of 6 requests of 1,000 tokens a minute: 100 tokens/s, two chunks of 98 with 20%."""
    capacity = Capacity("bands", 98) if kind == "chunks" else Capacity("model_units", 50)
    found = window(steady(8, lambda _: 6), {NOW - 1: Scrape(6, 1, 2, 8.0, 71.0)})
    sizer = Sizer(capacity, Target(), 20.0)
    lower, target, upper = (sizer.at(found, percent) for percent in (90, 99, 100))
    now = Band(2, 4) if kind == "chunks" else Band(4, 4)
    decision = decide(Today(now, is_single=kind != "chunks"), target, target, (), 0, NOW, minimum_change_percent=10)
    return Verdict(NAME, decision, capacity, now, found, lower, target, upper)


def test_json_has_bands_in_chunks_and_the_evidence() -> None:
    found = verdict().as_json(NOW)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["decision"], found["now"], found["suggested"]) == ("down", {"min": 2, "max": 4}, {"min": 2, "max": 3})
    assert [reason["code"] for reason in found["reasons"]] == ["above-use", "step-limit"]
    assert found["target"]["tokens_per_second"] == 100
    assert found["target"]["band"]["max"] == 2  # 100 x 1.2 / 98 = 1.2
    assert found["window"]["samples"] == 8 * DAY
    assert found["window"]["requests"] == 8 * DAY * 6
    assert (found["window"]["from"], found["window"]["to"]) == (moment(NOW - 8 * DAY), moment(NOW))


def test_json_of_model_units_has_units() -> None:
    found = verdict("model_units").as_json(NOW)
    # 100 x 1.2 / 3,250: one step of 50 units; from four steps one may go down to three at once.
    assert (found["now"], found["suggested"]) == ({"model_units": 200}, {"model_units": 150})


def test_text_states_all_that_a_reviewer_needs() -> None:
    text = "\n".join([*map("  ".join, rows([verdict()])), *lines_of(verdict(), NOW)])
    for part in (
        "chat  2 to 4",
        "down: 2 to 3",
        "(above-use)",
        "one step takes at most 30% of a bound, or one chunk (step-limit)",
        "target   2 chunks: 100 tokens/s (0.10 requests/s) at p99 of the minutes",
        "at the busiest minute",
        "8.0 days to 2026-05-24 12:00 UTC (0.0 days ago), 11,520 minutes, 0.0% gaps since `bandplan observe` began 1 minute before",
        "800 in, 200 out for a request on average, spread 0%",
        "69,120 requests, 0 refused (429), 0 failed (5xx)",
        "provisioned concurrency at most 8 (2 chunks); GPU at most 71%; 1 answered 4xx and 2 5xx in 1 minute of",
    ):
        assert part in text


def test_policy_is_given_the_level_at_the_percentile() -> None:
    assert verdict().use(99, "table, minutes") == {
        "percentile": 99,
        "tokens_per_second": 100,
        "samples": 11520,
        "from": "2026-05-16",
        "to": "2026-05-24",
        "source": "table, minutes",
    }
    assert Verdict(NAME, Decision("abstain", (Reason(Code.NO_DATA, "x"),))).use(99, "x") is None


def test_rollouts_are_given_the_last_hour_of_each_served_entity() -> None:
    rows = [row(NOW - 90, served="old", ttft_seconds=9.0)]  # before the last hour
    rows += [row(NOW - 1 - minute, served="new", ttft_seconds=minute / 10) for minute in range(60)]
    rows += [row(NOW - 1, None, None, 500, served="new")]
    # p95 of 0.0 to 5.9: the 57th of 60 values.
    assert entity_measurements(observed(rows)) == {
        "new": {
            "measured_at": moment(NOW),
            "window_minutes": 60,
            "requests": 61,
            "errors": 1,
            "ttft_seconds": 5.6,
            "percentile": 95,
        }
    }


def test_few_times_to_first_token_are_no_percentile_and_rows_without_served_names_no_measurement() -> None:
    few = entity_measurements(observed([row(NOW - 1, served="new", ttft_seconds=1.0)]))
    assert "ttft_seconds" not in few["new"]
    assert entity_measurements(observed([row(NOW - 1)])) == {}


def test_trail_is_appended_to_and_tells_when_the_band_of_today_was_first_suggested(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    line = verdict().trail(AT, "prod", NOW)
    assert line["reasons"] == ["above-use", "step-limit"]
    append(path, [line])
    append(path, [{**line, "at": "2026-06-01T00:00:00Z"}, {**line, "decision": "hold", "suggested": None}])
    append(path, [{**line, "stack": "dev", "suggested": {"min": 9, "max": 9}}])
    with path.open("a") as file:
        file.write('{"half a li')
    assert len(path.read_text().splitlines()) == 5
    # The same suggestion again does not start over.
    assert last_changes(path, "prod") == {NAME: (NOW, {"min": 2, "max": 3})}
    assert last_changes(path, "none") == {}
    assert last_changes(tmp_path / "none.jsonl", "prod") == {}


def test_decision_after_a_line_that_was_cut_off_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text('{"at": "2026-11-')
    line = {
        "at": "2026-11-22T12:00:00Z",
        "stack": "prod",
        "endpoint": "chat",
        "decision": "up",
        "suggested": {"max": 2},
    }
    append(path, [line])
    append(path, [line])
    assert last_changes(path, "prod")["chat"][1] == {"max": 2}
    assert len(path.read_text().splitlines()) == 3


def test_trail_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="name another file with --trail"):
        append(tmp_path / "none" / "trail.jsonl", [{}])


@pytest.mark.parametrize(("name", "of"), [("endpoint", ENDPOINT_USAGE), ("gateway", GATEWAY_USAGE)])
def test_query_has_every_column_that_is_read(name: str, of: object) -> None:
    text = query(name, ["chat", "it's"], 14)  # type: ignore[arg-type]
    assert "INTERVAL 15 DAYS" in text
    assert "'chat', 'it\\'s'" in text
    for table_ in (ENDPOINT_USAGE, GATEWAY_USAGE):
        if table_ is of:
            assert table_.name in text
            for word, column in table_.columns.items():
                assert column in text or word in ("served", "workspace")


def test_times_of_a_day_are_a_sample_that_stays_small() -> None:
    rows = (Row((NOW - 100) * 60 + number / 100, NAME, 200, 1, 1, number / 1000) for number in range(5000))
    found = window(list(rows))
    assert len(found.latencies) == 2000
    assert 2.3 < sum(found.latencies) / 2000 < 2.7  # of 0 to 5 seconds
