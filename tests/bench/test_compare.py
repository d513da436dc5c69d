"""Differences between two curves, and limits on them."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from bandplan.bench.compare import broken, compare, other_load, parse_rule, table
from bandplan.bench.document import document
from bandplan.bench.lengths import Length
from bandplan.bench.problem import BenchProblem
from tests.bench.curves import curve

BEFORE = document(curve({1: 1.0, 2: 1.0, 4: 1.2}))
AFTER = document(curve({2: 1.1, 4: 1.2, 8: 2.0}))


def difference(metric: str, level: str = "2 in flight") -> float:
    return next(one.change for one in compare(BEFORE, AFTER) if (one.metric, one.level) == (metric, level))


def test_common_levels_are_compared() -> None:
    found = compare(BEFORE, AFTER)
    assert {one.level for one in found} == {"2 in flight", "4 in flight"}
    assert difference("p50_latency") == pytest.approx(0.1, abs=1e-6)
    assert difference("p95_ttft") == pytest.approx(0.1, abs=1e-6)
    assert difference("output_tokens_per_second") == pytest.approx(1 / 1.1 - 1, abs=0.01)
    assert "p95_ttft" in table(found)


def test_an_interval_by_hand() -> None:
    # 100 (90 to 110) against 120 (105 to 135): 20 - sqrt(15^2 + 10^2) = 1.97, 20 + sqrt(15^2 + 10^2) = 38.03
    def one(value: float, low: float, high: float) -> dict:  # type: ignore[type-arg]
        estimate = {"value": value, "low": low, "high": high}
        return {"version": 1, "curve": [{"parallel": 1, "output_tokens_per_second": estimate}]}

    (found,) = compare(one(100, 90, 110), one(120, 105, 135))
    assert (found.change, found.low, found.high) == pytest.approx((0.2, 0.0197, 0.3803), abs=1e-4)
    assert found.is_clear
    (noise,) = compare(one(100, 80, 120), one(110, 90, 130))
    assert not noise.is_clear
    assert "  noise" in table([noise])


@pytest.mark.parametrize(
    ("rule", "is_broken"),
    [
        ("p95_ttft > 5%", True),
        ("p95_ttft>15%", False),
        ("output_tokens_per_second < -5%", True),
        ("output_tokens_per_second < -20%", False),
    ],
)
def test_limits(rule: str, is_broken: bool) -> None:
    assert bool(broken([parse_rule(rule)], compare(BEFORE, AFTER))) == is_broken


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("p95_ttft 5%", "not a rule"),
        ("p95_ttft > five%", "not a rule"),
        ("p95_tfft > 5%", "did you mean p95_ttft"),
        ("", "not a rule"),
    ],
)
def test_rules_that_are_none(rule: str, told: str) -> None:
    with pytest.raises(BenchProblem, match=told):
        parse_rule(rule)


def test_what_cannot_be_judged_is_refused_and_not_passed() -> None:
    with pytest.raises(BenchProblem, match="measure longer"):
        few = document(curve({2: 1.0}))  # 158 requests in the window
        broken([parse_rule("p99_ttft > 5%")], compare(few, few))
    with pytest.raises(BenchProblem, match="no valid level in common"):
        compare(document(curve({1: 1.0})), document(curve({2: 1.0})))


def test_a_percentile_among_failures_is_past_any_limit() -> None:
    def failing(share: float) -> dict[str, Any]:
        found = document(curve({1: 1.0, 2: 1.1, 4: 1.2}))
        ttft = next(one for one in found["curve"] if one["parallel"] == 2)["ttft_seconds"]
        ttft["histogram"]["infinite"] = round(share * ttft["samples"])
        ttft["p95"] = None
        return found

    rules = [parse_rule("p95_ttft > 50%"), parse_rule("p95_tpot > 50%")]
    differences = compare(BEFORE, failing(0.1))
    past = broken(rules, differences)
    assert [(one.level, one.metric, one.change) for _, one in past] == [("2 in flight", "p95_ttft", math.inf)]
    assert re.search(r"\n  p95_ttft +[\d.]+ +-  among the failed requests\n", table(differences))
    assert broken(rules, compare(BEFORE, failing(0.02))) == []  # missing for another reason


def test_loads_that_differ_are_told() -> None:
    assert other_load(BEFORE, AFTER) == []
    longer = document(replace(curve({2: 1.0}), input=Length(2048), streamed=False, arrivals="poisson"))
    assert other_load(BEFORE, longer) == ["input tokens of 100 and 2,048", "streamed true and false"]
    gamma = document(replace(curve({2: 1.0}), arrivals="gamma"))
    assert other_load(longer, gamma) == [
        "input tokens of 2,048 and 100", "arrivals poisson and gamma", "streamed false and true"
    ]  # fmt: skip
    assert other_load({"load": 7, "endpoint": []}, AFTER) == []


def test_file_without_a_valid_level_is_named() -> None:
    good = document(curve({1: 1.0}))
    invalid = {**good, "curve": [{**point, "valid": False} for point in good["curve"]]}
    for which, files in {"first": (invalid, good), "second": (good, invalid)}.items():
        with pytest.raises(BenchProblem, match=f"the {which} file has no valid level; its notes say why"):
            compare(*files)
