import pytest

from bandplan.report.errors import BadInput
from bandplan.report.threshold import parse_thresholds
from tests.report.previews import changed, document, entity, inputs, report_on, units_entity
from tests.report.test_price import prices

BAND = changed(before=inputs(), after=inputs("chat", entity(2, 5)))  # ceiling 3,920 -> 4,900: +980, +25%
LESS = changed(before=inputs("chat", entity(2, 5)), after=inputs())
UNITS = changed(before=inputs("m", units_entity(50)), after=inputs("m", units_entity(60)))  # +10, +20%


def status(steps: list[dict[str, object]], limits: str, with_prices: bool = False) -> str:
    given = prices() if with_prices else None
    return report_on(document(*steps), thresholds=parse_thresholds(limits), prices=given).summary.status


@pytest.mark.parametrize(
    ("steps", "limits", "expected"),
    [
        (BAND, "", "changed"),
        (BAND, "tokens_per_second=981", "quiet"),
        (BAND, "tokens_per_second=980", "changed"),
        (LESS, "tokens_per_second=981", "quiet"),
        (LESS, "tokens_per_second=980", "changed"),
        (BAND, "percent=26", "quiet"),
        (BAND, "percent=25", "changed"),
        (BAND, "tokens_per_second=981,percent=25", "changed"),
        (BAND, "model_units=100", "changed"),  # tokens are measured by nothing
        (UNITS, "model_units=11", "quiet"),
        (UNITS, "model_units=10", "changed"),
        (UNITS, "tokens_per_second=1000", "changed"),
        (UNITS, "percent=21", "quiet"),
    ],
)
def test_a_change_is_quiet_when_all_of_it_is_measured_and_below(
    steps: list[dict[str, object]], limits: str, expected: str
) -> None:
    assert status(steps, limits) == expected


def test_money_measures_tokens_and_units_alike() -> None:
    """One chunk more costs 6.00 an hour at the ceiling, ten units 3.50."""
    assert status(BAND, "money=6.01", with_prices=True) == "quiet"
    assert status(BAND, "money=6", with_prices=True) == "changed"
    assert status(UNITS, "money=3.51", with_prices=True) == "quiet"
    assert status(BAND, "money=6.01") == "changed"  # without prices nothing measures it


@pytest.mark.parametrize(
    "steps",
    [
        changed(after=inputs()),
        changed(before=inputs()),
        changed(before=inputs(), after=inputs("chat", entity(version="2"))),
        changed(before=inputs(), after=inputs(burst=True)),
        changed(before=inputs(), after=inputs(), op="replace"),
    ],
    ids=["new", "deleted", "version", "burst", "replaced"],
)
def test_only_capacity_can_be_quiet(steps: list[dict[str, object]]) -> None:
    assert status(steps, "tokens_per_second=1000000,model_units=1000000,percent=1000000") == "changed"


def test_a_violation_is_never_quiet() -> None:
    event = {"policyName": "over", "resourceUrn": BAND[0]["urn"], "message": "x", "enforcementLevel": "mandatory"}
    preview = {**document(*BAND), "policyEvents": [event]}
    report = report_on(preview, thresholds=parse_thresholds("percent=1000"))
    assert (report.summary.status, len(report.quiet)) == ("blocked", 0)


def test_quiet_changes_are_folded_beside_loud_ones() -> None:
    report = report_on(document(*BAND, *changed("new", after=inputs("new"))), thresholds=parse_thresholds("percent=26"))
    assert [change.name for change in report.endpoints] == ["new"]
    assert [change.name for change in report.quiet] == ["chat"]
    assert report.summary.change.ceiling_tokens_per_second == 980 + 3920  # the sums have them all


@pytest.mark.parametrize("text", ["tokens=1", "percent", "percent=", "percent=-1", "money=much", "percent=nan"])
def test_wrong_thresholds_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput, match="--quiet-below"):
        parse_thresholds(text)
