"""The shapes that cross between rooms: what one room writes, every other reads, whatever the document holds."""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from bandplan.policies.endpoint import Endpoint
from bandplan.policies.endpoint import read_endpoint as read_for_policies
from bandplan.policies.fleet import read_fleet
from bandplan.report.endpoint_side import Side
from bandplan.report.errors import BadInput
from bandplan.report.reading import Reading
from bandplan.report.stated_capacity import component_capacity, summary_capacities
from bandplan.wire.capacity import FIGURES, UNITS, Totals
from bandplan.wire.endpoint import FORMAT, Access, StepOfRollout, Waiver, read_endpoint, write
from bandplan.wire.fleet import read_rows, read_shares, read_sums, write_row, write_share, write_sums
from bandplan.wire.redaction import redactor
from bandplan.wire.sentinels import UNKNOWN

# As bandplan 0.1 wrote them to a state, before `format` was a word.
BANDS: dict[str, Any] = {
    "name": "support-chat",
    "task": "llm/v1/chat",
    "family": "bands",
    "floorTokensPerSecond": 1960,
    "ceilingTokensPerSecond": 3920,
    "chunkTokensPerSecond": 980,
    "demandTokensPerSecond": 2764.8,
    "headroom": 1.418,
    "headroomPercent": 20,
    "burst": False,
    "entities": [
        {
            "servedName": "current",
            "model": "system.ai.llama_v3_3_70b_instruct",
            "version": "1",
            "trafficPercent": 90,
            "chunkTokensPerSecond": 980,
            "minBands": 1,
            "maxBands": 2,
            "floorTokensPerSecond": 980,
            "ceilingTokensPerSecond": 1960,
        },
        {
            "servedName": "next",
            "model": "system.ai.llama_v3_3_70b_instruct",
            "version": "2",
            "trafficPercent": 10,
            "chunkTokensPerSecond": 980,
            "minBands": 1,
            "maxBands": 2,
            "floorTokensPerSecond": 980,
            "ceilingTokensPerSecond": 1960,
        },
    ],
    "rollout": {
        "step": 1, "steps": 3, "percent": 10, "version": "2",
        "fromModel": "system.ai.llama_v3_3_70b_instruct", "fromVersion": "1",
    },
    "tags": {"team": "ml"},
    "waivers": [{"policy": "floor-zero", "reason": "a demo", "owner": "ana@example.com", "expires": "2027-01-31"}],
    "access": [{"groupName": "support", "permissionLevel": "CAN_QUERY"}],
    "gateway": {"tracksUsage": True, "inferenceTable": "ml.logs"},
    "region": "eu-west-1",
}  # fmt: skip
UNITS_OLD: dict[str, Any] = {
    "name": "agent-chat",
    "task": "llm/v1/chat",
    "family": "model_units",
    "modelUnits": 100,
    "acceptedModelUnits": 50,
    "burst": True,
    "entities": [
        {
            "servedName": "gpt",
            "model": "system.ai.gpt-oss-120b",
            "version": "1",
            "trafficPercent": 100,
            "modelUnits": 100,
            "acceptedModelUnits": 50,
            "modelUnitChunkSize": 50,
            "burst": True,
        }
    ],
}


def reading() -> Reading:
    return Reading("preview.json", redactor(()))


def test_a_state_from_before_is_read_whole() -> None:
    endpoint = read_endpoint(BANDS, "resource", Side)

    assert (endpoint.name, endpoint.task, endpoint.family, endpoint.region) == (
        "support-chat", "llm/v1/chat", "bands", "eu-west-1",
    )  # fmt: skip
    assert (endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (1960, 3920)
    assert (endpoint.demand_tokens_per_second, endpoint.headroom_percent) == (Fraction("2764.8"), 20)
    assert [(one.served_name, one.min_bands, one.max_bands) for one in endpoint.entities] == [
        ("current", 1, 2), ("next", 1, 2),
    ]  # fmt: skip
    assert endpoint.step_of_rollout == StepOfRollout(1, 3, 10, "2", "1")
    assert endpoint.waivers == (Waiver("floor-zero", "2027-01-31", "ana@example.com", "a demo"),)
    assert endpoint.access == (Access("support", True, "CAN_QUERY"),)
    assert (endpoint.tags, endpoint.tracks_usage, endpoint.inference_table) == ({"team": "ml"}, True, "ml.logs")


@pytest.mark.parametrize("inputs", [BANDS, UNITS_OLD], ids=["bands", "model units"])
def test_the_report_and_the_policies_read_the_same_figures(inputs: dict[str, Any]) -> None:
    told, judged = component_capacity(inputs, "x", "inputs", reading()), read_for_policies("x", inputs)

    assert isinstance(judged, Endpoint)
    for unit in UNITS:
        assert unit.of(told) == unit.of(judged)
        assert [unit.of(one) for one in told.entities] == [unit.of(one) for one in judged.entities]
    assert any(unit.of(told)[1] for unit in UNITS)
    assert [one.served_name for one in told.wanted] == [one.served_name for one in judged.wanted]


def test_a_form_of_a_later_bandplan_is_named_and_what_is_known_of_it_is_read() -> None:
    later = {**BANDS, "format": FORMAT + 1}
    noted = reading()

    assert component_capacity(later, "x", "inputs", noted).ceiling_tokens_per_second == 3920
    with pytest.raises(BadInput, match=rf"inputs\.format: found {FORMAT + 1}, written by a later bandplan"):
        noted.finish()
    assert read_for_policies("x", later).ceiling_tokens_per_second == 3920


def test_the_form_that_is_written_has_no_number_that_a_state_from_before_lacks() -> None:
    assert FORMAT == 1
    assert "format" not in write({"name": "chat"})


def damaged(document: Any) -> Iterator[Any]:
    """The document with each part in turn replaced by a value of another kind."""
    yield from (None, True, -1, 1.5, float("nan"), float("inf"), "x", UNKNOWN, [], [1], {}, {"x": 1})
    if isinstance(document, dict):
        for key, value in document.items():
            yield from ({**document, key: other} for other in damaged(value))
    elif isinstance(document, list) and document:
        yield from ([other, *document[1:]] for other in damaged(document[0]))


@pytest.mark.parametrize("inputs", [BANDS, UNITS_OLD], ids=["bands", "model units"])
def test_no_damage_of_the_inputs_stops_a_reader(inputs: dict[str, Any]) -> None:
    for document in damaged(inputs):
        if isinstance(document, dict):
            read_for_policies("x", document)
            component_capacity(document, "x", "inputs", reading())


ROW = write_row(
    name="chat",
    task="llm/v1/chat",
    family="bands",
    models=[("ml.chat.a", "1", 100)],
    figures={"floor_tokens_per_second": 980, "ceiling_tokens_per_second": 1960, "model_units": None},
    url=None,
    accepted={},
)


def test_the_rows_of_the_stack_output_are_read_as_they_are_written() -> None:
    (row,) = read_rows([ROW])
    (told,) = summary_capacities({"endpoints": [ROW]}, "outputs", reading())

    assert (row.name, row.floor_tokens_per_second, row.ceiling_tokens_per_second, row.model_units) == (
        "chat", 980, 1960, None,
    )  # fmt: skip
    assert [unit.of(row) for unit in UNITS] == [unit.of(told) for unit in UNITS]
    assert json.loads(json.dumps(ROW)) == ROW


def test_sums_and_shares_of_the_fleet_are_read_as_they_are_written() -> None:
    sums = write_sums(2, {"floor_tokens_per_second": 980, "ceiling_tokens_per_second": 1960, "model_units": 50}, ["b"])
    share = write_share("ml", "ml.chat.a", "bands", {"min_bands": 1, "max_bands": 2, "ceiling_tokens_per_second": 1960})

    assert read_sums(sums).totals == Totals(980, 1960, 50)
    assert (read_sums(sums).endpoints, read_sums(sums).unsized) == (2, {"b"})
    assert share == {
        "team": "ml", "model": "ml.chat.a", "family": "bands",
        "minBands": 1, "maxBands": 2, "ceilingTokensPerSecond": 1960,
    }  # fmt: skip
    (read,) = read_shares({"capacity": [share]})
    assert (read.team, read.max_bands, read.ceiling_tokens_per_second, read.is_sized) == ("ml", 2, 1960, True)
    (waiting,) = read_shares({"capacity": [{**share, "ceilingTokensPerSecond": UNKNOWN}]})
    assert (waiting.ceiling_tokens_per_second, waiting.is_sized) == (None, False)


def test_no_damage_of_a_fleet_stops_its_readers() -> None:
    fleet = {"capacity": [write_share("ml", "a", "bands", {"min_bands": 1})], "waivers": BANDS["waivers"]}
    for outputs in damaged(fleet):
        for rows in damaged([ROW]):
            if isinstance(outputs, dict):
                read_fleet(outputs, {"endpoints": rows})
                break
    for rows in damaged([ROW]):
        read_fleet(fleet, {"endpoints": rows})
        summary_capacities({"endpoints": rows}, "outputs", reading())


def test_every_figure_is_that_of_a_unit() -> None:
    assert [figure for unit in UNITS for figure in dict.fromkeys((unit.low, unit.high))] == list(FIGURES)
