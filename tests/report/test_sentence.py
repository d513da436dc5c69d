"""The first sentence, and the lines of one endpoint, in words."""

from typing import Any

import pytest

from bandplan.report.line import endpoint_lines, move_line, rollout_cell
from bandplan.report.model import ModelMove
from bandplan.report.sentence import Run, stack_sentence, whole_sentence
from bandplan.report.stack import StackReport
from bandplan.report.totals import together
from tests.report.previews import (
    PREFIX,
    PT,
    changed,
    document,
    entity,
    fleet_step,
    inputs,
    report_on,
    step,
    summary_entry,
    units_entity,
)
from tests.report.test_price import prices

PLANNED = {"minBands": 2, "maxBands": 4, "target": "12 s of latency at p95", "source": "published figures"}


def words(runs: tuple[Run, ...]) -> str:
    return "".join(run.text for run in runs)


def sentence(report: StackReport) -> str:
    return words(stack_sentence(report.title, report.stack, report.summary))


def lines(report: StackReport) -> list[str]:
    (change,) = report.endpoints
    return [words(line.runs) for line in endpoint_lines(change, report)]


def test_it_says_floor_ceiling_units_and_money() -> None:
    """Ceiling of chat: +2 chunks, 12.00 more at the ceiling. Units of m: +50, 17.50 more at both; 730 h a month."""
    report = report_on(
        document(
            fleet_step(1960, 5880, 150, count=3),
            *changed("chat", inputs(), inputs("chat", entity(2, 6))),
            *changed("m", inputs("m", units_entity(50)), inputs("m", units_entity(100)), PT),
        ),
        prices=prices(),
    )
    assert sentence(report) == (
        "prod changes 2 of 3 endpoints: floor 1,960 tokens/s (±0), ceiling 3,920 → 5,880 tokens/s (+1,960), "
        "model units 100 → 150 (+50), money +17.50 to +29.50 USD per hour from floor to ceiling "
        "(+12,775 to +21,535 per month of 730 h)."
    )


def test_nothing_changed_is_one_line() -> None:
    report = report_on(document(endpoints=[summary_entry("a"), summary_entry("b")]))
    assert sentence(report) == "Nothing changes in prod (2 endpoints, 3,920 to 7,840 tokens/s)."


def test_a_change_without_capacity_says_so() -> None:
    steps = changed(before=inputs(), after=inputs(), reasons=("tags",))
    report = report_on(document(*steps, endpoints=[summary_entry()]))
    assert sentence(report) == "prod changes 1 of 1 endpoint: no change in capacity (1,960 to 3,920 tokens/s)."


def test_sums_that_the_preview_does_not_state_are_told_as_differences() -> None:
    report = report_on(document(*changed(before=inputs("chat", entity(2, 6)), after=inputs())))
    assert sentence(report) == "prod changes 1 endpoint: floor ±0 tokens/s, ceiling −1,960 tokens/s."


def test_deleted_endpoints_count_among_all() -> None:
    report = report_on(document(fleet_step(0, 0, count=1), *changed(before=inputs())))
    assert sentence(report).startswith(
        "prod changes 1 of 2 endpoints: floor 1,960 → 0 tokens/s (−1,960), ceiling 3,920"
    )


def test_a_failed_preview_says_that_it_is_not_all() -> None:
    failed = {"message": "error: no workspace listens", "severity": "error"}
    assert sentence(report_on(document(diagnostics=[failed]))) == (
        "prod: the preview failed, so this report may be incomplete."
    )


def test_what_is_not_in_the_figures_is_told() -> None:
    unsized = {key: value for key, value in entity().items() if not key.endswith("TokensPerSecond")}
    steps = changed("new", after=inputs("new", unsized))
    unpriced = changed("mine", inputs("mine", entity(model="ml.x.y")), inputs("mine", entity(2, 6, model="ml.x.y")))
    said = sentence(report_on(document(*steps, *unpriced), prices=prices()))
    assert ", 1 endpoint without a price; 1 endpoint not counted because a size is not known yet." in said


def test_a_size_that_is_not_known_yet_is_not_taken_for_none() -> None:
    """The new version's chunk is not known before it is registered: nothing says that 1,960 tokens/s go away."""
    later = {key: value for key, value in entity(model="ml.x.y").items() if not key.endswith("TokensPerSecond")}
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", later))))
    assert sentence(report) == (
        "prod changes 1 endpoint: no change in capacity; 1 endpoint not counted because a size is not known yet."
    )
    assert lines(report)[0] == "1,960 to 3,920 tokens/s (2 to 4 chunks of 980) → 2 to 4 chunks, size not known yet"


def test_the_stacks_own_name_is_told_beside_another_title() -> None:
    assert sentence(report_on(document(), title="eu")).startswith("Nothing changes in eu (stack prod)")
    assert sentence(report_on(document(), title="eu/prod")).startswith("Nothing changes in eu/prod")


def test_several_stacks_are_summed() -> None:
    up = report_on(document(fleet_step(1960, 5880), *changed(before=inputs(), after=inputs("chat", entity(2, 6)))))
    same = report_on(document(endpoints=[summary_entry()]))
    whole = words(whole_sentence(2, together([up.summary, same.summary])))
    assert (
        whole
        == "All 2 stacks change 1 of 2 endpoints: floor 3,920 tokens/s (±0), ceiling 7,840 → 9,800 tokens/s (+1,960)."
    )
    assert words(whole_sentence(2, together([same.summary] * 2))).startswith(
        "Nothing changes in all 2 stacks (2 endpoints"
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            inputs(demandTokensPerSecond=2764.8, headroom=1.418),
            inputs("chat", entity(2, 6), demandTokensPerSecond=2764.8, headroom=2.127),
            [
                "1,960 to 3,920 → 1,960 to 5,880 tokens/s, ceiling +1,960 (+50%)",
                "2 to 4 → 2 to 6 chunks of 980",
                "ceiling 1.42× → 2.13× the demand of 2,765 tokens/s",
            ],
        ),
        (
            # 2,940 / 725 = 4.0552: as a policy says, not 4.05 as the rounded headroom would give.
            inputs(demandTokensPerSecond=725, headroom=5.407),
            inputs("chat", entity(2, 3), demandTokensPerSecond=725, headroom=4.055),
            [
                "1,960 to 3,920 → 1,960 to 2,940 tokens/s, ceiling −980 (−25%)",
                "2 to 4 → 2 to 3 chunks of 980",
                "ceiling 5.41× → 4.06× the demand of 725 tokens/s",
            ],
        ),
        (
            inputs("chat", {**entity(2, 4), "planned": PLANNED}),
            inputs("chat", {**entity(2, 6), "planned": {**PLANNED, "maxBands": 6, "target": "8 s of latency at p95"}}),
            [
                "1,960 to 3,920 → 1,960 to 5,880 tokens/s, ceiling +1,960 (+50%)",
                "2 to 4 → 2 to 6 chunks of 980",
                "planned 2 to 4 bands → 2 to 6 bands, for 8 s of latency at p95; from published figures",
            ],
        ),
        (
            inputs("m", units_entity(50)),
            inputs("m", units_entity(100), burst=True, estimatedTokensPerSecond=6500),
            [
                "50 model units → 100 model units (about 6,500 tokens/s), +50 (+100%)",
                "burst off → on, can exceed the model units; the excess is billed extra and is not in these figures",
            ],
        ),
        (
            inputs("m", units_entity(50)),
            inputs("m", entity(1, 2)),
            [
                "50 model units → 980 to 1,960 tokens/s (1 to 2 chunks of 980), "
                "floor +980, ceiling +1,960, units −50 (−100%)",
                "version system.ai.llama-4-maverick v1 → system.ai.llama_v3_3_70b_instruct v1",
            ],
        ),
        (
            inputs("chat", entity(version="1", chunkTokensPerSecond=970, floorTokensPerSecond=1940)),
            inputs("chat", entity(version="2")),
            [
                "1,940 to 3,920 → 1,960 to 3,920 tokens/s, floor +20 (+1%)",
                "2 to 4 chunks of 970 → 2 to 4 chunks of 980",
                "version v1 → v2, of system.ai.llama_v3_3_70b_instruct",
            ],
        ),
        (
            inputs("chat", entity(1, 1, servedName="a", trafficPercent=90), entity(1, 1, servedName="b", trafficPercent=10)),
            inputs("chat", entity(1, 1, servedName="a", trafficPercent=50), entity(1, 2, servedName="b", trafficPercent=50)),
            [
                "1,960 → 1,960 to 2,940 tokens/s, ceiling +980 (+50%)",
                "2 → 2 to 3 chunks of 980",
                "traffic a 90%, b 10% → a 50%, b 50%",
                "capacity of b 980 tokens/s (1 chunk of 980) → 980 to 1,960 tokens/s (1 to 2 chunks of 980)",
            ],
        ),
        (
            inputs("chat", entity(servedName="a")),
            inputs("chat", entity(servedName="a", trafficPercent=90), entity(0, 1, servedName="b", version="2", trafficPercent=10)),
            [
                "1,960 to 3,920 → 1,960 to 4,900 tokens/s, ceiling +980 (+25%)",
                "2 to 4 → 2 to 5 chunks of 980",
                "version of b not served → system.ai.llama_v3_3_70b_instruct v2",
                "traffic a 100% → a 90%, b 10%",
            ],
        ),
        (None, inputs(), ["none → 1,960 to 3,920 tokens/s (2 to 4 chunks of 980)", "system.ai.llama_v3_3_70b_instruct v1"]),
        (inputs(), None, ["1,960 to 3,920 tokens/s (2 to 4 chunks of 980) → none", "system.ai.llama_v3_3_70b_instruct v1"]),
        (
            inputs("old", {"servedName": "x", "model": "ml.a.b", "version": "1", "workloadType": "GPU_LARGE", "workloadSize": "Small"}, family="workload"),
            inputs("old", entity(1, 2, servedName="x", model="ml.a.b")),
            ["workload GPU_LARGE Small → 980 to 1,960 tokens/s (1 to 2 chunks of 980), floor +980, ceiling +1,960"],
        ),
    ],
    ids=["band", "rounding", "planned", "units", "family", "chunk", "split", "candidate", "new", "deleted", "legacy"],
)  # fmt: skip
def test_lines_of_an_endpoint(before: dict[str, Any] | None, after: dict[str, Any] | None, expected: list[str]) -> None:
    assert lines(report_on(document(*changed(before=before, after=after)))) == expected


def test_money_of_an_endpoint_is_a_line_of_its_own() -> None:
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", entity(1, 6)))), prices=prices())
    assert lines(report)[-1] == "12.00 to 24.00 → 6.00 to 36.00 USD/h, −6.00 to +12.00"


def test_an_alias_that_moves_is_told_at_the_endpoint_that_serves_its_model() -> None:
    urn = f"{PREFIX}bandplan:index:ModelAlias::champion"
    moved = {"name": "system.ai.llama_v3_3_70b_instruct", "alias": "champion"}
    alias = step("update", urn, {**moved, "version": "1"}, {**moved, "version": "2"})
    steps = changed(before=inputs(), after=inputs("chat", entity(version="2")))
    assert lines(report_on(document(*steps, alias)))[-1] == "alias champion v1 → v2"


def test_a_version_that_this_deploy_registers_is_new_until_it_has_a_number() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    mine = {"model": "ml.search.gte", "servedName": "gte"}
    version = step(
        "create", f"{PREFIX}bandplan:index:ModelVersion::gte", None, {"name": "ml.search.gte", "source": "runs:/1/m"}
    )
    alias = step(
        "update",
        f"{PREFIX}bandplan:index:ModelAlias::champion",
        {"name": "ml.search.gte", "alias": "champion", "version": "3"},
        {"name": "ml.search.gte", "alias": "champion", "version": unknown},
    )
    steps = changed(
        before=inputs("gte", entity(version="3", **mine)), after=inputs("gte", entity(version=unknown, **mine))
    )
    assert lines(report_on(document(*steps, version, alias)))[1:] == [
        "version v3 → a new version, of ml.search.gte",
        "a new version is registered from runs:/1/m",
        "alias champion v3 → the new version",
    ]


@pytest.mark.parametrize(
    ("op", "told"),
    [
        ("replace", "🔁 replaced (routeOptimized)\ndoes not serve until the new one is ready"),
        ("import", "adopted\nalready runs"),
    ],
)
def test_how_a_change_gets_there(op: str, told: str) -> None:
    steps = changed(
        before=inputs(), after=inputs(), op=op, replace_reasons=("routeOptimized",) if op == "replace" else ()
    )
    (change,) = report_on(document(*steps)).endpoints
    assert words(rollout_cell(change)) == told


@pytest.mark.parametrize(
    ("move", "told"),
    [
        (ModelMove("version", "ml.chat.tuned", "", "3", None), "version v3 of ml.chat.tuned is no longer managed"),
        (ModelMove("version", "ml.chat.tuned", "", None, ""), "a new version of ml.chat.tuned is registered"),
    ],
)
def test_version_of_a_model_is_one_sentence(move: ModelMove, told: str) -> None:
    assert words(move_line(move, with_model=True).runs) == told
