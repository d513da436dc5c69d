"""The smallest capacity for a load and a target, with what is said of it."""

import re

import pytest

from bandplan.planner.alone import NoCapacity
from bandplan.planner.capacity import Capacity
from bandplan.planner.limits import broken_limits, limits_of
from bandplan.planner.load import Load, Shape
from bandplan.planner.plan import plan
from bandplan.planner.target import Target
from bandplan.planner.text import as_json, described

SHAPE = Shape(1500, 200)
CHUNKS = Capacity("bands", 980)
LLAMA = "system.ai.llama_v3_3_70b_instruct"


def test_answer_holds_and_one_step_less_does_not() -> None:
    found = plan(CHUNKS, Load(SHAPE, 20), Target(7), headroom_percent=0)
    assert found.less is not None
    assert not found.ceiling.misses(found.target)
    assert found.less.misses(found.target)
    assert found.less.steps == found.ceiling.steps - 1
    # The work of 20 requests/s alone: more than 33 chunks at 0.60 requests/s each.
    assert 34 <= found.ceiling.steps <= 40
    assert found.ceiling.percentiles["latency"].half_width < 0.05 * 7


def test_headroom_decides_where_it_asks_for_more_than_the_target() -> None:
    found = plan(CHUNKS, Load(SHAPE, 20), Target(30))
    assert found.for_headroom
    assert found.ceiling.steps == 42  # 20 x 1700 x 1.2 / 980 = 41.6
    assert "headroom of 20% decides" in described(found)


def test_tighter_targets_take_more_and_looser_ones_less() -> None:
    steps = [plan(CHUNKS, Load(SHAPE, 3), Target(s), headroom_percent=0).ceiling.steps for s in (5.6, 7, 20)]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] > steps[-1]


def test_a_target_that_one_request_alone_misses_is_refused() -> None:
    with pytest.raises(NoCapacity, match=r"no capacity fixes this: one request alone takes 4\.9 s, more than 3\.0 s"):
        plan(CHUNKS, Load(SHAPE, 20), Target(3))
    assert plan(Capacity("bands", 3000), Load(SHAPE, 20), Target(3)).ceiling.steps >= 14


@pytest.mark.parametrize("target", [Target(4.91), Target(ttft_seconds=0.001), Target(tpot_ms=10.2)])
def test_what_one_request_takes_is_told_apart_from_a_target_just_below(target: Target) -> None:
    with pytest.raises(NoCapacity) as refused:
        plan(CHUNKS, Load(SHAPE, 20), target)
    figures = re.search(r"takes ([\d.]+) m?s, more than ([\d.]+) m?s;", str(refused.value))
    assert figures is not None
    assert float(figures[1]) > float(figures[2]) > 0


def test_one_step_less_is_told_apart_from_a_target_just_below() -> None:
    seven = plan(CHUNKS, Load(Shape(2048, 256), concurrent_requests=16), Target(8), headroom_percent=0).less
    assert seven is not None
    latency = seven.percentiles["latency"].value
    said = described(plan(CHUNKS, Load(Shape(2048, 256), concurrent_requests=16), Target(latency - 0.0002)))
    figures = re.search(r"latency would be ([\d.]+) s, ([\d.]+) s wanted", said)
    assert figures is not None
    assert float(figures[1]) > float(figures[2])


def test_one_step_less_without_a_target_keeps_none() -> None:
    found = plan(CHUNKS, Load(SHAPE, 20), Target())
    assert "41 chunks (40,180 tokens/s), takes the load but not the headroom of 20%" in described(found)


@pytest.mark.parametrize(
    ("target", "what"),
    [(Target(ttft_seconds=0.1), "its first token alone takes"), (Target(tpot_ms=1), "an output token takes")],
)
def test_other_targets_that_nothing_keeps(target: Target, what: str) -> None:
    with pytest.raises(NoCapacity, match=what):
        plan(CHUNKS, Load(SHAPE, 20), target)


def test_peak_factor_sets_floor_and_ceiling_apart() -> None:
    found = plan(CHUNKS, Load(SHAPE, 5), Target(8), peak_factor=3)
    assert found.floor.steps < found.ceiling.steps
    assert found.ceiling.steps == plan(CHUNKS, Load(SHAPE, 15), Target(8)).ceiling.steps


@pytest.mark.parametrize("harder", [Load(SHAPE, 3, arrivals="bursty"), Load(SHAPE, 3, spread_percent=27)])
def test_spread_and_bursts_take_more(harder: Load) -> None:
    def steps(load: Load) -> int:
        return plan(CHUNKS, load, Target(8), headroom_percent=0).ceiling.steps

    assert steps(harder) > steps(Load(SHAPE, 3))


def test_cached_prompts_take_less() -> None:
    def steps(cached: float) -> int:
        load = Load(SHAPE, 20, cache_hit_percent=cached)
        return plan(CHUNKS, load, Target(7), headroom_percent=0).ceiling.steps

    assert steps(80) < steps(0)


def test_concurrent_requests_in_place_of_a_rate() -> None:
    found = plan(CHUNKS, Load(SHAPE, concurrent_requests=32), Target(7))
    assert found.less is not None
    # 4 in flight fill a chunk, and take 1.35 x 4.9 = 6.6 s: 8 chunks hold 7 s, 7 have some waiting.
    assert found.ceiling.steps == 8
    assert found.less.misses(found.target) == ["latency"]


def test_model_units_come_in_their_increment() -> None:
    found = plan(Capacity("model_units", 50), Load(Shape(3500, 300), 2), Target(16))
    assert found.capacity.amount(found.ceiling.steps) == 150  # 2 x 3800 x 1.2 / 65 = 140.3
    assert "assumed" in described(found)


def test_other_shapes_than_the_published_one_are_said_to_be_extrapolated() -> None:
    assert "extrapolated from 2048/256" in described(plan(CHUNKS, Load(SHAPE, 1), Target(20)))
    assert "extrapolated" not in described(plan(CHUNKS, Load(Shape(2048, 256), 1), Target(20)))


def test_the_same_question_has_the_same_answer() -> None:
    load = Load(SHAPE, 5, spread_percent=30)
    assert as_json(plan(CHUNKS, load, Target(12))) == as_json(plan(CHUNKS, load, Target(12)))


@pytest.mark.parametrize(
    ("load", "factor", "rule"),
    [
        (Load(SHAPE, 150), 2, "300 requests/s: a workspace takes at most 200"),
        (Load(Shape(1000, 9_000), 1), 1, "at most 8,192 (a workspace refused more for a Llama"),
        (Load(Shape(140_000, 100), 1), 1, "has a context of 128,000 (docs.databricks.com"),
    ],
)
def test_limits_are_refused_with_their_rule(load: Load, factor: float, rule: str) -> None:
    assert any(rule in broken for broken in broken_limits(LLAMA, load, factor))
    assert broken_limits(LLAMA, Load(SHAPE, 20), 1) == []


@pytest.mark.parametrize(
    ("model", "context", "output"),
    [
        ("system.ai.llama_v3_3_70b_instruct", 128_000, 8_192),
        ("system.ai.meta_llama_v3_1_8b_instruct", 128_000, 8_192),
        ("system.ai.llama_v3_2_1b_instruct", 131_072, 8_192),
        ("system.ai.meta_llama_3_8b_instruct", 8_192, 8_192),
        ("system.ai.deepseek_r1_distill_llama_70b", 131_072, 8_192),
        ("system.ai.llama-4-maverick", 128_000, 8_192),
        ("system.ai.gpt-oss-120b", 131_072, 25_000),
        ("system.ai.dbrx_instruct", 32_768, 4_096),
        ("system.ai.bge_large_en_v1_5", 512, 25_000),
        ("system.ai.mpt_7b_instruct", 8_192, 8_192),
        ("ml.own.model", None, 25_000),
    ],
)
def test_limits_of_a_model_are_known_by_its_name(model: str, context: int | None, output: int) -> None:
    assert (limits_of(model).context, limits_of(model).output) == (context, output)


def test_requests_of_the_other_entries_count_for_the_workspace() -> None:
    (broken,) = broken_limits(LLAMA, Load(SHAPE, 12), 1, 190)
    assert broken.startswith("12 requests/s and 190 of the other entries: a workspace takes at most 200")
    assert broken_limits(LLAMA, Load(SHAPE, 10), 1, 190) == []


def test_latency_of_everything_is_unbounded_at_more_than_full() -> None:
    # 20 x 2304 / 980 = 47.02 chunks.
    found = plan(CHUNKS, Load(Shape(2048, 256), 20), Target(100), headroom_percent=0)
    assert found.ceiling.steps == 48
    assert found.less is not None
    assert found.less.misses(found.target)
    assert "the queue fills" in described(found)
