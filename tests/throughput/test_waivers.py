from datetime import date

import pytest

from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.rules import OVERRIDE_STACK
from bandplan.serving.throughput.optimization_info import ModelVersion
from bandplan.serving.throughput.sizing import SizingRequest, size

from .conftest import BANDS_980, Size, entry, ids, only_problem

TODAY = date(2026, 6, 15)
NO_FLOOR = "throughput: {bands: {min: 0, max: 1}}"


def waiver(policy: str = "floor-zero", expires: str = "2026-06-15") -> str:
    return f"waivers: [{{policy: {policy}, reason: demo, owner: ana, expires: {expires}}}]"


@pytest.mark.parametrize("expires", ["2026-06-15", "2026-06-16", "2099-12-31"])
def test_valid_waiver_takes_its_warning_aside(sized: Size, expires: str) -> None:
    result = sized(entry(NO_FLOOR, more=waiver(expires=expires)), today=TODAY)
    assert result.problems == ()
    assert [(one.problem.id, one.waiver.owner) for one in result.waived] == [("floor-zero", "ana")]


def test_expired_waiver_is_an_error_and_its_warning_stands(sized: Size) -> None:
    result = sized(entry(NO_FLOOR, more=waiver(expires="2026-06-14")), today=TODAY)
    assert [(problem.id, problem.severity) for problem in result.problems] == [
        ("floor-zero", "warning"),
        ("waiver-expired", "error"),
    ]
    assert "2026-06-14" in result.problems[1].finding and "ana" in result.problems[1].next_step
    assert result.problems[1].path == "models/chat/waivers/0/expires"
    assert result.waived == ()


def test_expired_waiver_of_a_policy_is_an_error_too(sized: Size) -> None:
    assert ids(sized(entry(more=waiver("budget", "2020-01-01")), today=TODAY)) == ["waiver-expired"]


def test_waiver_of_the_whole_file_is_judged_by_its_date_and_waives_no_entrys_warning(sized: Size) -> None:
    result = sized(entry(NO_FLOOR), top=waiver() + "\n", today=TODAY)
    assert [problem.id for problem in result.problems] == ["floor-zero"]
    (problem,) = sized(entry(), top=waiver("stack-budget", "2020-01-01") + "\n", today=TODAY).problems
    assert (problem.id, problem.path) == ("waiver-expired", "waivers/0/expires")


def test_waiver_holds_for_its_own_entry_and_its_own_warning(sized: Size) -> None:
    text = (
        entry(NO_FLOOR, name="one", more=waiver())
        + entry(NO_FLOOR, name="two")
        + entry(NO_FLOOR, name="three", more=waiver("headroom-low"))
    )
    result = sized(text, today=TODAY)
    assert [problem.path for problem in result.problems] == ["models/two/throughput", "models/three/throughput"]
    assert [one.problem.path for one in result.waived] == ["models/one/throughput"]


def test_error_is_never_waived(sized: Size) -> None:
    text = entry("throughput: {tokens_per_second: {min: 980, max: 1500}}", more=waiver("S8-chunk"))
    assert ids(sized(text, today=TODAY)) == ["S8-chunk", "waiver-of-error"]


@pytest.mark.parametrize("policy", ["S8-chunk", "s8-CHUNK", "traffic", "waiver-expired"])
def test_waiver_of_an_error_is_refused(sized: Size, policy: str) -> None:
    problem = only_problem(sized(entry(more=waiver(policy)), today=TODAY), "waiver-of-error")
    assert problem.path == "models/chat/waivers/0/policy"


@pytest.mark.parametrize(
    ("policy", "meant"),
    [
        ("floor-zeroo", "floor-zero"),
        ("Floor-Zero", "floor-zero"),
        ("floor_zero", "floor-zero"),
        ("celing-below-demand", "ceiling-below-demand"),
        ("headroom", "headroom-low"),
    ],
)
def test_waiver_of_a_mistyped_warning_is_warned_of_with_the_one_meant(sized: Size, policy: str, meant: str) -> None:
    problem = only_problem(sized(entry(more=waiver(policy))), "waiver-mistyped", "warning")
    assert problem.next_step == f"did you mean {meant}?" and problem.path == "models/chat/waivers/0/policy"


@pytest.mark.parametrize("policy", ["over-provisioned", "min-zero-in-prod", "units-over-budget", "budget", "x", "p"])
def test_waiver_of_a_policy_that_resembles_no_warning_is_taken(sized: Size, policy: str) -> None:
    assert sized(entry(more=waiver(policy)), today=TODAY).problems == ()


def test_what_is_waived_is_one_printable_line_with_its_reason(sized: Size) -> None:
    text = entry(NO_FLOOR, more=waiver().replace("reason: demo", 'reason: "a\\e[2J\\ndemo"'))
    (waived,) = sized(text, today=TODAY).waived
    assert waived.render() == (
        "models.yaml:3:72: waived floor-zero models/chat/throughput: the band starts at 0; "
        r"waived until 2026-06-15 by ana: a\x1b[2J\ndemo"
    )


def test_without_a_day_no_waiver_is_judged(sized: Size) -> None:
    assert ids(sized(entry(NO_FLOOR, more=waiver(expires="2000-01-01")))) == ["floor-zero"]


def test_every_warning_can_be_waived(sized: Size) -> None:
    entries = (
        entry(
            NO_FLOOR,
            name="a",
            more=f"demand: {{requests_per_second: 9, input_tokens: 999, output_tokens: 1}}, {waivers('floor-zero', 'ceiling-below-demand')}",
        )
        + entry(
            task="llm/v1/embeddings",
            name="b",
            model='model: system.ai.gte_large_en_v1_5, version: "1"',
            more=waivers("gte-unnormalised"),
        )
        + entry(name="c", model='model: ml.own.llama_v3_3, version: "1"', more=waivers("region-unverified"))
    )
    result = sized(entries, top="region: us-east-1\n", today=TODAY)
    assert result.problems == ()
    assert len(result.waived) == 4


def waivers(*policies: str) -> str:
    return (
        "waivers: ["
        + ", ".join(f"{{policy: {policy}, reason: r, owner: o, expires: 2099-01-01}}" for policy in policies)
        + "]"
    )


def test_waiver_of_the_whole_file_takes_a_warning_of_no_entry_aside() -> None:
    text = f"version: 1\n{waiver('override-stack')}\nmodels:\n{entry()}overrides: {{prd: {{chat: {{tags: {{}}}}}}}}\n"
    loaded = load_text(text, "models.yaml", None)
    assert loaded.fleet is not None
    warning = OVERRIDE_STACK.of_key(loaded.source, ("overrides", "prd"), "no stack is named prd", "")
    assert (warning.id, warning.line, warning.column) == ("override-stack", 5, 13)
    for day, waived in ((TODAY, ["override-stack"]), (date(2026, 6, 16), [])):
        answers = {ModelVersion("ml.own.model", "1"): BANDS_980}
        result = size(loaded.fleet, answers, loaded.source, [warning], SizingRequest(day))
        assert [one.problem.id for one in result.waived] == waived
