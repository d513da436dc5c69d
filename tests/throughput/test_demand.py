from fractions import Fraction

import pytest

from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import size
from bandplan.wire.band_policies import BandPolicies

from .conftest import BANDS_980, Size, entry, ids, only, only_problem

REFERENCE = "demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}"  # 2 x 2304 = 4608 tokens/s


def test_s17_auto_covers_demand_and_20_percent_from_one_chunk(sized: Size) -> None:
    # 4608 x 1.2 = 5529.6; / 980 = 5.64, so 6 chunks = 5880; 5880 / 4608 = 1.276
    endpoint = only(sized(entry("throughput: auto", more=REFERENCE)))
    (entity,) = endpoint.entities
    assert (entity.min_bands, entity.max_bands) == (1, 6)
    assert (endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (980, 5880)
    assert endpoint.demand_tokens_per_second == 4608
    assert endpoint.headroom == 1.276


@pytest.mark.parametrize(
    ("demand", "headroom", "chunk", "bands"),
    [
        # 4608 / 980 = 4.70
        (REFERENCE, 0, 980, 5),
        # 4608 x 2 = 9216; / 1580 = 5.83
        (REFERENCE, 100, 1580, 6),
        # 0.1 x 9800 = 980, one chunk to the token; a binary 0.1 must not make it two
        ("demand: {requests_per_second: 0.1, input_tokens: 9000, output_tokens: 800}", 0, 980, 1),
        # 0.7 x 1400 = 980
        ("demand: {requests_per_second: 0.7, input_tokens: 1400, output_tokens: 0}", 0, 980, 1),
        # 980 x 1.1 = 1078, one token/s over a chunk is another chunk
        ("demand: {requests_per_second: 1, input_tokens: 980, output_tokens: 0}", 10, 980, 2),
        # 4900 x 1.2 = 5880, six chunks to the token; 4901 x 1.2 = 5881.2
        ("demand: {requests_per_second: 1, input_tokens: 4900, output_tokens: 0}", 20, 980, 6),
        ("demand: {requests_per_second: 1, input_tokens: 4901, output_tokens: 0}", 20, 980, 7),
        ("demand: {requests_per_second: 0.001, input_tokens: 1, output_tokens: 0}", 20, 980, 1),
    ],
)
def test_s17_auto_is_rounded_up_to_whole_chunks(
    sized: Size, demand: str, headroom: int, chunk: int, bands: int
) -> None:
    text = entry("throughput: auto", more=f"{demand}, headroom_percent: {headroom}")
    assert only(sized(text, OptimizationInfo(True, "llama", chunk))).entities[0].max_bands == bands


def test_s17_auto_of_a_split_shares_the_demand(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}
    entities:
      - {model: ml.own.model, version: "1", throughput: auto, traffic_percent: 75}
      - {model: ml.own.model, version: "2", throughput: auto, traffic_percent: 25}
"""
    # 5529.6 x 0.75 = 4147.2, / 980 = 4.23; 5529.6 x 0.25 = 1382.4, / 980 = 1.41
    assert [one.max_bands for one in only(sized(text)).entities] == [5, 2]


def test_s17_ceiling_below_demand_is_warned_of_with_enough_bands(sized: Size) -> None:
    # 3 chunks = 2940 < 4608
    result = sized(entry(more=REFERENCE))
    problem = only_problem(result, "ceiling-below-demand", "warning")
    assert problem.path == "models/chat/throughput"
    assert problem.next_step == "write a max of 6 bands (5880 tokens/s)"
    # 2940 / 4608 = 0.638
    assert result.endpoints[0].headroom == 0.638


def test_s17_headroom_below_target_is_warned_of(sized: Size) -> None:
    # 5 chunks = 4900; 4900 / 4608 = 1.063, so 6 percent
    problem = only_problem(
        sized(entry("throughput: {bands: {min: 1, max: 5}}", more=REFERENCE)), "headroom-low", "warning"
    )
    assert "6% of headroom, not 20%" in problem.finding


def test_s17_headroom_at_target_or_lower_target_is_not_warned_of(sized: Size) -> None:
    assert only(sized(entry("throughput: {bands: {min: 1, max: 6}}", more=REFERENCE))).headroom is not None
    assert (
        only(sized(entry("throughput: {bands: {min: 1, max: 5}}", more=f"{REFERENCE}, headroom_percent: 6"))).headroom
        is not None
    )


def test_s17_default_target_of_the_file_holds_for_every_entry(sized: Size) -> None:
    text = entry("throughput: {bands: {min: 1, max: 6}}", more=REFERENCE)
    assert ids(sized(text, top="defaults: {headroom_percent: 50}\n")) == ["headroom-low"]


def test_demand_is_not_needed(sized: Size) -> None:
    endpoint = only(sized(entry()))
    assert (endpoint.demand_tokens_per_second, endpoint.headroom) == (None, None)


@pytest.mark.parametrize(
    ("tokens", "id"),
    [
        (2450, None),  # 2450 x 1.2 = 2940, the ceiling of 3 chunks
        (2451, "headroom-low"),
        (2940, "headroom-low"),  # covered, and nothing above it
        (2941, "ceiling-below-demand"),
    ],
)
def test_s17_demand_at_and_just_past_a_bound(sized: Size, tokens: int, id: str | None) -> None:
    demand = f"demand: {{requests_per_second: 1, input_tokens: {tokens}, output_tokens: 0}}"
    assert ids(sized(entry(more=demand))) == ([id] if id is not None else [])


@pytest.mark.parametrize(("tokens", "bands"), [(1960, 1), (1962, 2)])
def test_s17_half_of_the_traffic_is_exactly_half_of_the_demand(sized: Size, tokens: int, bands: int) -> None:
    # 1960 / 2 = 980, one chunk; 1962 / 2 = 981
    text = f"""\
  - name: split
    task: llm/v1/chat
    headroom_percent: 0
    demand: {{requests_per_second: 1, input_tokens: {tokens}, output_tokens: 0}}
    entities:
      - {{model: ml.own.model, version: "1", throughput: auto, traffic_percent: 50}}
      - {{model: ml.own.model, version: "2", throughput: auto, traffic_percent: 50}}
"""
    assert [one.max_bands for one in only(sized(text)).entities] == [bands, bands]


def test_s17_demand_is_not_held_against_tokens_of_a_chunk_that_is_not_known_yet(sized: Size) -> None:
    text = entry(
        "throughput: {tokens_per_second: {min: 980, max: 980}}",
        model="register: {name: ml.own.new, source: runs:/1/m}",
        more=REFERENCE,
    )
    assert only(sized(text)).ceiling_tokens_per_second == 980


# 1800 tokens/s in chunks of 980: with 100% of headroom 3600, 4 chunks; with 20%, 2160, 3 chunks.
CLOSE = "demand: {requests_per_second: 1, input_tokens: 1700, output_tokens: 100}"


def next_steps(sized: Size, throughput: str, more: str, policies: BandPolicies) -> dict[str, str]:
    found = sized(entry(f"throughput: {throughput}", more=f"{CLOSE}, {more}" if more else CLOSE), policies=policies)
    return {problem.id: problem.next_step for problem in found.problems}


def test_s17_a_max_that_a_policy_forbids_is_not_suggested_without_its_name(sized: Size) -> None:
    policies = BandPolicies(headroom_percent=Fraction(20))
    steps = next_steps(sized, "{bands: {min: 1, max: 3}}", "headroom_percent: 100", policies)
    assert steps["headroom-low"] == (
        "no max both leaves 100% of headroom (4 bands) and meets the policy over-provisioned (at most 3): "
        "change headroom_percent here or there, or waive one of the two"
    )
    waiver = "waivers: [{policy: over-provisioned, reason: a fair, owner: ana, expires: 2999-01-01}]"
    steps = next_steps(sized, "{bands: {min: 1, max: 3}}", f"headroom_percent: 100, {waiver}", policies)
    assert steps["headroom-low"] == "write a max of 4 bands (3920 tokens/s)"


def test_a_suggested_min_meets_the_policy_on_floors(sized: Size) -> None:
    """100% of 1800: 2 chunks."""
    policies = BandPolicies(steady_percent=Fraction(100), has_floor=True)
    steps = next_steps(sized, "{bands: {min: 0, max: 3}}", "", policies)
    assert steps["floor-zero"] == "write a min of 2 chunks, or waive floor-zero"
    steps = next_steps(sized, "{model_units: 50}", "", policies)
    assert steps["S1-family"] == "write `throughput: {bands: {min: 2, max: 3}}`"


def test_s17_a_max_that_the_stacks_budget_does_not_buy_is_suggested_with_its_name(sized: Size) -> None:
    """Three chunks of 980 are 2940 tokens/s."""
    for budget, names_it in ((2939, True), (2940, False)):
        policies = BandPolicies(budget=Fraction(budget))
        step = next_steps(sized, "{bands: {min: 1, max: 1}}", "", policies)["ceiling-below-demand"]
        assert step.startswith("write a max of 3 bands (2940 tokens/s)")
        assert ("which the policy stack-budget (at most 2 for the whole stack) does not allow" in step) == names_it
    waived = "waivers: [{policy: stack-budget, reason: a fair, owner: ana, expires: 2999-01-01}]\n"
    policies = BandPolicies(budget=Fraction(980))
    found = sized(entry("throughput: {bands: {min: 1, max: 1}}", more=CLOSE), top=waived, policies=policies)
    assert [one.next_step for one in found.problems] == ["write a max of 3 bands (2940 tokens/s)"]


def test_a_max_below_the_min_is_not_given_a_second_suggestion() -> None:
    text = f"version: 1\nmodels:\n{entry('throughput: {bands: {min: 9, max: 1}}', more=CLOSE)}"
    loaded = load_text(text, "models.yaml", None)
    assert [one.id for one in loaded.problems] == ["S8-order"] and loaded.checkable is not None
    answers = {ModelVersion("ml.own.model", "1"): BANDS_980}
    assert size(loaded.checkable, answers, loaded.source).problems == ()
