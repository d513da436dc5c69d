"""`throughput: auto` with a latency target, and bands beside what the planner finds."""

from fractions import Fraction

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.plan import plan
from bandplan.planner.sizes import Sizes
from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.latency import load_of, target_of
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import size_entry
from bandplan.wire.band_policies import BandPolicies

from .conftest import Size, entry, ids, only, only_problem

DEMAND = "demand: {requests_per_second: 0.3, peak_factor: 4, input_tokens: 2048, output_tokens: 256, MORE}"


def auto(more: str) -> str:
    return entry("throughput: auto", more=DEMAND.replace("MORE", more))


def test_auto_has_the_floor_and_the_ceiling_of_bandplan_size(sized: Size) -> None:
    endpoint = only(sized(auto("latency_seconds: 12")))
    (entity,) = endpoint.entities
    demand = endpoint.entry.demand
    assert demand is not None
    found = plan(Capacity("bands", 980), load_of(demand), target_of(demand), peak_factor=4)
    assert (entity.min_bands, entity.max_bands) == (found.floor.steps, found.ceiling.steps)
    # 0.3 x 2304 / 980 = 0.71 of a chunk keeps requests waiting; two are needed on average. Four times that, with 20%
    # more, is 3.39 chunks.
    assert (entity.min_bands, entity.max_bands) == (2, 4)
    assert entity.planned is not None
    assert entity.planned.reason == "12 s of latency at p95 and the headroom; from published figures"


def test_auto_without_a_latency_target_is_what_it_was(sized: Size) -> None:
    plain = only(sized(entry("throughput: auto", more=DEMAND.replace(", MORE", ""))))
    assert (plain.entities[0].min_bands, plain.entities[0].max_bands, plain.entities[0].planned) == (1, 4, None)


def test_a_tighter_target_takes_more_than_the_headroom(sized: Size) -> None:
    # A request alone takes 2304 / (245 x 1.35) = 6.97 s: 7.2 s leave nearly no time to share a chunk.
    (entity,) = only(sized(auto("latency_seconds: 7.5"))).entities
    assert entity.max_bands is not None and entity.max_bands > 4
    assert entity.planned is not None and not entity.planned.is_for_headroom


def test_s35_latency_that_no_band_keeps_is_refused(sized: Size) -> None:
    problem = only_problem(sized(auto("latency_seconds: 4")), "S35-latency")
    assert problem.path == "models/chat/demand"
    # 2304 tokens at 980 / 4 tokens/s, 1.35 times as fast alone: 6.97 s.
    assert problem.finding == "no capacity fixes this: one request alone takes 7.0 s, more than 4.0 s"
    assert problem.next_step.startswith("raise the target")
    assert only(sized(auto("latency_seconds: 4"), OptimizationInfo(True, "llama", 2500))).entities[0].max_bands


def test_latency_missed_by_a_band_is_warned_of(sized: Size) -> None:
    text = entry(
        "throughput: {bands: {min: 2, max: 4}}",
        more="demand: {requests_per_second: 1.2, input_tokens: 2048, output_tokens: 256, latency_seconds: 8}",
    )
    problem = only_problem(sized(text), "latency-missed", "warning")
    assert "a ceiling of 3920 tokens/s misses 8 s of latency at p95, which needs" in problem.finding
    needed = int(problem.next_step.split("a max of ")[1].split()[0])
    assert needed > 4
    enough = text.replace("max: 4", f"max: {needed}")
    assert ids(sized(enough)) == []
    # What is suggested complies with the policy on too much capacity, whatever its headroom.
    told = only_problem(sized(text, policies=BandPolicies(headroom_percent=Fraction(20))), "latency-missed", "warning")
    assert told.next_step == problem.next_step


def test_latency_missed_by_every_band_is_warned_of(sized: Size) -> None:
    text = entry(
        "throughput: {bands: {min: 2, max: 6}}",
        more="demand: {requests_per_second: 1.2, input_tokens: 2048, output_tokens: 256, latency_seconds: 4}",
    )
    problem = only_problem(sized(text), "latency-missed", "warning")
    assert problem.finding.startswith("no capacity fixes this")


def test_each_entity_gets_its_share(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    demand: {requests_per_second: 4, input_tokens: 2048, output_tokens: 256, latency_seconds: 14}
    entities:
      - {model: ml.own.model, version: "1", throughput: auto, traffic_percent: 75}
      - {model: ml.own.model, version: "2", throughput: auto, traffic_percent: 25}
"""
    one, two = only(sized(text)).entities
    # 4 x 2304 x 1.2 = 11,059 tokens/s: 8.5 chunks of 980 for three quarters, 2.8 for one.
    assert (one.max_bands, two.max_bands) == (9, 3)


def test_a_target_that_several_entities_miss_is_told_once(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    demand: {requests_per_second: 4, input_tokens: 2048, output_tokens: 256, latency_seconds: 4}
    entities:
      - {model: ml.own.model, version: "1", throughput: auto, traffic_percent: 75}
      - {model: ml.own.model, version: "2", throughput: auto, traffic_percent: 25}
"""
    assert only_problem(sized(text), "S35-latency").path == "models/split/demand"
    bands = text.replace("throughput: auto", "throughput: {bands: {min: 1, max: 20}}")
    assert ids(sized(bands)) == ["latency-missed"]


@pytest.mark.parametrize("more", ["ttft_seconds: 6", "tpot_ms: 20"])
def test_targets_on_tokens_count_too(sized: Size, more: str) -> None:
    (entity,) = only(sized(auto(more))).entities
    assert entity.planned is not None
    assert entity.planned.high >= 4


def test_answers_are_worked_out_once(sized: Size) -> None:
    sizes = Sizes()
    asked = only(sized(auto("latency_seconds: 12"))).entry.demand
    assert asked is not None
    from bandplan.serving.throughput.latency import size_for, wanted_of

    wanted = wanted_of(asked, Fraction(1), 20)
    assert wanted is not None
    assert size_for(wanted, "bands", 980, sizes) is size_for(wanted, "bands", 980, sizes)
    assert len(sizes.found) == 1


def test_a_version_to_register_has_no_floor_before_its_chunk_is_known(sized: Size) -> None:
    def text(more: str) -> str:
        model = "register: {name: ml.own.mine, source: 'runs:/0123/model'}"
        return entry("throughput: auto", model=model, more=DEMAND.replace("MORE", more))

    assert only(sized(text("arrivals: poisson"))).entities[0].min_bands == 1
    (entity,) = only(sized(text("latency_seconds: 4"))).entities
    assert (entity.min_bands, entity.max_bands, entity.planned) == (None, None, None)


UNITS = OptimizationInfo(True, "llama4", None, 50)
MAVERICK = 'model: system.ai.llama-4-maverick, version: "1"'
LAW = "an assumed law of model units: 50 give 3,250 tokens/s at 3500/300 with 8 requests in flight"


def units(throughput: str, more: str = "", shape: str = "input_tokens: 3500, output_tokens: 300") -> str:
    demand = f"demand: {{requests_per_second: 1, {shape}{more}}}"
    return entry(f"throughput: {throughput}", model=MAVERICK, more=demand)


def test_auto_in_model_units_is_what_bandplan_size_finds(sized: Size) -> None:
    endpoint = only(sized(units("auto", ", latency_seconds: 8"), UNITS))
    (entity,) = endpoint.entities
    demand = endpoint.entry.demand
    assert demand is not None
    found = plan(Capacity("model_units", 50), load_of(demand), target_of(demand))
    # A request takes 3800 / (3250 / 8) = 9.35 s in a full pool, and 6.93 s alone: 8 s need one that is far from full.
    # By tokens alone, 3800 x 1.2 / 65 = 70.2 units would do, 100 in steps of 50.
    assert entity.model_units == 50 * found.ceiling_steps == 200
    assert (endpoint.family, endpoint.burst, entity.model_unit_chunk_size) == ("model_units", False, 50)
    assert entity.estimated_tokens_per_second == 200 * 65
    assert entity.planned is not None
    assert (entity.planned.amount, entity.planned.reason) == (
        "200 model units",
        f"8 s of latency at p95; from {LAW}",
    )


def test_units_for_another_shape_say_that_they_are_extrapolated(sized: Size) -> None:
    text = units("auto", ", latency_seconds: 8", "input_tokens: 1500, output_tokens: 200")
    found = sized(text, UNITS)
    # The estimate is published for one shape alone, which is said wherever units serve another one.
    assert ids(found) == ["units-non-linear"]
    assert found.problems[0].path == "models/chat/throughput"
    planned = found.endpoints[0].entities[0].planned
    assert planned is not None
    assert planned.source == f"{LAW}, extrapolated to 1500/200"


def test_s11_auto_in_model_units_without_a_latency_target_is_refused_as_before(sized: Size) -> None:
    problem = only_problem(sized(units("auto"), UNITS), "S11-auto-units")
    assert problem.next_step == "write `throughput: {model_units: 50}` with units from a load test"


def test_s11_units_of_a_version_to_register_are_to_be_written(sized: Size) -> None:
    model = "register: {name: ml.own.mine, source: 'runs:/0123/model'}"
    demand = "demand: {requests_per_second: 1, input_tokens: 3500, output_tokens: 300, latency_seconds: 8}"
    loaded = load_text(f"version: 1\nmodels:\n{entry('throughput: auto', model=model, more=demand)}", "m.yaml", None)
    assert loaded.fleet is not None
    (one,) = loaded.fleet.models
    told = {ModelVersion("ml.own.mine", "7"): UNITS}
    sizing, problems = size_entry(one, told, {one.entities[0].path: "7"}, loaded.source)
    assert sizing is None
    assert [problem.id for problem in problems] == ["S11-auto-units"]
    assert problems[0].next_step == "write `throughput: {model_units: 200}`, and load-test them"


def test_s35_latency_that_no_number_of_units_keeps_is_refused(sized: Size) -> None:
    problem = only_problem(sized(units("auto", ", latency_seconds: 4"), UNITS), "S35-latency")
    assert problem.finding == "no capacity fixes this: one request alone takes 6.9 s, more than 4.0 s"
    assert "larger chunk" not in problem.next_step
    assert problem.next_step.endswith("if a load test says otherwise, write its model_units")


def test_written_units_that_miss_the_target_are_warned_of(sized: Size) -> None:
    problem = only_problem(
        sized(units("{model_units: 150}", ", latency_seconds: 8"), UNITS), "latency-missed", "warning"
    )
    assert problem.finding == f"150 model units miss 8 s of latency at p95, which needs 200 model units by {LAW}"
    assert problem.next_step == "write about 200 model units, and load-test them, or raise the target"
    enough = only(sized(units("{model_units: 200, burst: true}", ", latency_seconds: 8"), UNITS))
    assert enough.entities[0].planned is not None
    assert enough.burst
    never = sized(units("{model_units: 150}", ", latency_seconds: 4"), UNITS)
    assert only_problem(never, "latency-missed", "warning").finding.startswith("no capacity fixes this")


def test_units_without_latency_fields_have_no_plan(sized: Size) -> None:
    (entity,) = only(sized(units("{model_units: 150}"), UNITS)).entities
    assert (entity.model_units, entity.planned, entity.unmeetable) == (150, None, "")


CLOSED = "demand: {concurrent_requests: 8, input_tokens: 1500, output_tokens: 200MORE}"


def test_requests_always_in_flight_are_sized_by_their_target(sized: Size) -> None:
    endpoint = only(sized(entry("throughput: auto", more=CLOSED.replace("MORE", ", latency_seconds: 7"))))
    # 4 in flight fill a chunk, and take 1.35 x 4.9 = 6.6 s: 2 chunks hold 7 s.
    assert (endpoint.entities[0].min_bands, endpoint.entities[0].max_bands) == (2, 2)
    assert (endpoint.demand_tokens_per_second, endpoint.headroom) == (None, None)
    peak = CLOSED.replace("MORE", ", peak_factor: 2, latency_seconds: 7")
    assert only(sized(entry("throughput: auto", more=peak))).entities[0].max_bands == 4


def test_requests_always_in_flight_are_compared_with_no_tokens_per_second(sized: Size) -> None:
    assert only(sized(entry("throughput: {bands: {min: 1, max: 1}}", more=CLOSED.replace("MORE", "")))).headroom is None
    text = entry("throughput: {bands: {min: 1, max: 1}}", more=CLOSED.replace("MORE", ", latency_seconds: 7"))
    assert "write a max of 2 bands" in only_problem(sized(text), "latency-missed", "warning").next_step


def test_bands_of_a_model_in_units_are_answered_with_the_units_that_the_target_needs(sized: Size) -> None:
    text = units("{bands: {min: 1, max: 2}}", ", latency_seconds: 8")
    assert only_problem(sized(text, UNITS), "S1-family").next_step == "write `throughput: {model_units: 200}`"
    plain = only_problem(sized(units("{bands: {min: 1, max: 2}}"), UNITS), "S1-family")
    assert plain.next_step == "write `throughput: {model_units: 50}`"


def test_capacity_that_keeps_the_target_without_the_headroom_is_not_said_to_miss_it(sized: Size) -> None:
    # 1 x 3800 x 1.2 / 65 = 70.2: 100 units, of which 50 would keep 20 s.
    text = units("{model_units: 50}", ", latency_seconds: 20")
    found = sized(text, UNITS)
    assert ids(found) == ["ceiling-below-demand", "latency-missed"]
    assert found.problems[1].finding == (
        f"50 model units are too few for 20 s of latency at p95 and the headroom, which need 100 model units by {LAW}"
    )
