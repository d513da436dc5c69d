"""Up at once, down slowly, and a reason for everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.usage.bands import Band, Sized
from bandplan.usage.decision import Decision, Today, decide, lasting_level
from bandplan.usage.reason import Code, Reason
from bandplan.usage.window import DAY
from tests.unhurried import UNHURRIED
from tests.usage.rows import NOW, steady, window

THIN = (Reason(Code.SHORT_WINDOW, "3 of the 7 days required"),)
OLD = (Reason(Code.OLD, "the last minute is 40 days old"),)


def sized(low: int, high: int) -> Sized:
    return Sized(99.0, 1000.0, Band(low, high))


def decided(
    now: tuple[int, int],
    target: tuple[int, int] | None,
    lasting: tuple[int, int] | str | None = "target",
    *,
    shortcomings: tuple[Reason, ...] = (),
    refused: int = 0,
    minimum: float = 10.0,
    **today: object,
) -> Decision:
    wanted = None if target is None else sized(*target)
    kept = wanted if lasting == "target" else None if lasting is None else sized(*lasting)  # type: ignore[misc]
    return decide(
        Today(Band(*now), **today),  # type: ignore[arg-type]
        wanted,
        kept,
        shortcomings,
        refused,
        NOW,
        minimum_change_percent=minimum,
    )


def told(decision: Decision) -> tuple[str, tuple[int, int] | None, list[str]]:
    band = decision.band
    return (
        decision.action,
        None if band is None else (band.min, band.max),
        [str(reason.code) for reason in decision.reasons],
    )


@pytest.mark.parametrize(
    ("now", "target", "expected"),
    [
        # up at once, however far
        ((1, 2), (1, 9), ("up", (1, 9), ["ceiling-below-use"])),
        ((1, 2), (2, 3), ("up", (2, 3), ["ceiling-below-use", "floor-below-use"])),
        # one bound up: the other stays, even if it could go down
        ((3, 4), (1, 6), ("up", (3, 6), ["ceiling-below-use"])),
        ((1, 9), (2, 4), ("up", (2, 9), ["floor-below-use"])),
        ((2, 3), (2, 3), ("hold", None, ["fits"])),
        # down by 30% of each bound: 10 x 0.7 = 7; 4 x 0.7 = 2.8, so 3
        ((4, 10), (1, 2), ("down", (3, 7), ["above-use", "step-limit"])),
        ((4, 10), (3, 8), ("down", (3, 8), ["above-use"])),
        # or by one chunk where 30% is less
        ((1, 2), (1, 1), ("down", (1, 1), ["above-use"])),
        ((2, 3), (1, 1), ("down", (1, 2), ["above-use", "step-limit"])),
        # a floor of 0 is the owner's choice
        ((0, 2), (1, 2), ("hold", None, ["fits"])),
        ((0, 2), (1, 1), ("down", (0, 1), ["above-use"])),
        # 1 chunk of 20 is 5%
        ((1, 20), (1, 21), ("hold", None, ["minimum-change", "ceiling-below-use"])),
        ((1, 20), (1, 19), ("hold", None, ["minimum-change", "above-use"])),
        ((1, 20), (1, 18), ("down", (1, 18), ["above-use"])),
    ],
)
def test_bands_go_up_at_once_and_down_by_steps(
    now: tuple[int, int], target: tuple[int, int], expected: tuple[str, tuple[int, int] | None, list[str]]
) -> None:
    assert told(decided(now, target)) == expected


@pytest.mark.parametrize(
    ("lasting", "today", "code"),
    [
        ((1, 4), {}, "not-long-enough"),
        (None, {}, "not-long-enough"),
        ((1, 1), {"changed": NOW - 7 * DAY + 1}, "recently-changed"),
        ((1, 1), {"waivers": ("over-provisioned is waived until 2027-03-31 by ana: trade fair",)}, "waiver"),
        ((1, 1), {"slow": "the observed latency is 9.00 s at p95, 8 s is wanted"}, "slow"),
        ((1, 1), {"failing": "half of the requests failed"}, "failures"),
        ((1, 1), {"never_below": 4}, "never-below"),
    ],
)
def test_band_above_use_is_held(lasting: tuple[int, int] | None, today: dict[str, object], code: str) -> None:
    action, band, codes = told(decided((1, 4), (1, 1), lasting, **today))  # type: ignore[arg-type]
    assert (action, band) == ("hold", None)
    assert codes == [code, "above-use"]


def test_band_is_lowered_after_seven_days() -> None:
    assert decided((1, 4), (1, 1), changed=NOW - 7 * DAY).action == "down"
    assert decided((1, 4), (1, 1), seen=NOW - 7 * DAY, is_cut=True).action == "down"


@pytest.mark.parametrize(
    ("today", "text"),
    [
        ({"seen": NOW - DAY}, "the band is 1.0 days old, 7 are needed before it is lowered"),
        (
            {"seen": NOW - DAY, "is_cut": True},
            "and not what was before, 7 are needed before it is lowered; if the clone is shallow",
        ),
        ({"seen": NOW - 9 * DAY, "is_cut": True, "changed": NOW - 2 * DAY}, "the band is 2.0 days old"),
    ],
)
def test_band_that_git_does_not_show_for_seven_days_is_held(today: dict[str, object], text: str) -> None:
    decision = decided((1, 4), (1, 1), **today)  # type: ignore[arg-type]
    assert told(decision) == ("hold", None, ["recently-changed", "above-use"])
    assert text in decision.reasons[0].text


@pytest.mark.parametrize(("refused", "text"), [(1, "1 request was answered 429"), (1200, "1,200 requests were")])
def test_refusals_are_counted_in_words(refused: int, text: str) -> None:
    assert decided((1, 4), (1, 4), refused=refused).reasons[0].text.startswith(text)


def test_busiest_of_the_last_days_decides_how_low() -> None:
    assert told(decided((1, 10), (1, 2), (1, 8))) == ("down", (1, 8), ["above-use"])


def test_never_below_stops_a_step_half_way_and_never_raises() -> None:
    assert told(decided((2, 10), (1, 2), never_below=8)) == ("down", (1, 8), ["above-use", "never-below"])
    assert told(decided((2, 3), (2, 3), never_below=8))[0] == "hold"


def test_floor_stays_where_a_policy_holds_it_for_the_declared_demand_until_the_ceiling_is_down() -> None:
    expected = ("down", (3, 7), ["above-use", "declared-demand", "step-limit"])
    assert told(decided((3, 10), (1, 2), least_floor=4)) == expected
    assert told(decided((3, 10), (1, 2), least_floor=2))[1] == (2, 7)
    # The last step of the ceiling replaces the demand, so the floor may go down with it.
    last = decided((3, 10), (1, 8), least_floor=4)
    assert (told(last), last.sized is not None) == (("down", (2, 8), ["above-use", "step-limit"]), True)


def test_open_waiver_does_not_stop_a_raise() -> None:
    assert decided((1, 2), (1, 3), waivers=("x",)).action == "up"


@pytest.mark.parametrize(
    ("target", "shortcomings", "expected"),
    [
        # at least one chunk more, even if everything else says less
        ((1, 1), (), ("up", (1, 5), ["refusals"])),
        ((2, 9), (), ("up", (2, 9), ["refusals"])),
        # even if the data is too thin for anything else; but not if it is old
        (None, THIN, ("up", (1, 5), ["refusals", "short-window"])),
        ((1, 9), THIN, ("up", (1, 5), ["refusals", "short-window"])),
        (None, OLD, ("abstain", None, ["old"])),
    ],
)
def test_refusals_argue_up(
    target: tuple[int, int] | None,
    shortcomings: tuple[Reason, ...],
    expected: tuple[str, tuple[int, int] | None, list[str]],
) -> None:
    assert told(decided((1, 4), target, shortcomings=shortcomings, refused=3)) == expected


def test_thin_data_abstains_with_every_reason() -> None:
    assert told(decided((1, 4), None, shortcomings=(*THIN, *OLD))) == ("abstain", None, ["short-window", "old"])


def test_model_units_have_one_amount() -> None:
    assert told(decided((4, 4), (2, 2), is_single=True)) == ("down", (3, 3), ["above-use", "step-limit"])
    assert told(decided((4, 4), (2, 2), is_single=True, never_below=4)) == ("hold", None, ["never-below", "above-use"])
    assert told(decided((4, 4), (4, 4), is_single=True, refused=1))[:2] == ("up", (5, 5))


def test_demand_is_that_of_the_use_that_decides_the_ceiling() -> None:
    def decides(decision: Decision) -> tuple[int, int] | None:
        return None if decision.sized is None else (decision.sized.band.min, decision.sized.band.max)

    assert decides(decided((1, 2), (1, 9))) == (1, 9)
    assert decides(decided((1, 9), (2, 4))) is None  # the floor alone is raised
    assert decides(decided((4, 10), (1, 2))) is None  # step limit
    assert decides(decided((4, 10), (3, 7))) == (3, 7)
    assert decides(decided((4, 10), (3, 7), (2, 8))) == (2, 8)  # the busiest of the last days
    assert decides(decided((4, 10), (3, 7), never_below=9)) is None
    assert decides(decided((1, 4), (1, 1), refused=1)) is None
    assert decides(decided((1, 4), (1, 9), refused=1)) == (1, 9)


"""A busy machine takes as long as it takes."""

bounds = st.tuples(st.integers(0, 30), st.integers(1, 30)).map(lambda pair: (min(pair), max(pair)))


@UNHURRIED
@given(now=bounds, target=bounds, lasting=bounds, refused=st.integers(0, 2), never=st.none() | st.integers(1, 30))
def test_no_decision_breaks_the_rules(
    now: tuple[int, int], target: tuple[int, int], lasting: tuple[int, int], refused: int, never: int | None
) -> None:
    found = decided(now, target, lasting, refused=refused, never_below=never)
    assert found.reasons
    if found.band is None:
        assert found.action == "hold"
        return
    assert 0 <= found.band.min <= found.band.max
    assert found.band != Band(*now)
    if found.action == "up":
        assert found.band.min >= now[0] and found.band.max >= now[1]
        assert not refused or found.band.max > now[1]
    else:
        assert not refused
        assert found.band.min <= now[0] and found.band.max <= now[1]
        assert found.band.max >= min(now[1], max(target[1], lasting[1], never or 0))
        assert now[1] - found.band.max <= max(1, 0.3 * now[1])
        assert now[0] - found.band.min <= max(1, 0.3 * now[0])


@UNHURRIED
@given(start=bounds, target=bounds)
def test_steady_use_leads_to_one_band_and_stays_there(start: tuple[int, int], target: tuple[int, int]) -> None:
    """A run every week, each suggestion taken; without a least change, which would stop earlier."""
    target = (target[0] or 1, target[1])
    band, went = start, list[str]()
    for _ in range(40):
        found = decided(band, target, minimum=0)
        if found.band is None:
            break
        band = (found.band.min, found.band.max)
        went.append(found.action)
    assert band == (target if start[0] else (0, target[1]))
    # At most one way up, and never up again after a way down.
    assert went == sorted(went, reverse=True)


def test_lasting_level_is_that_of_the_busiest_of_seven_days() -> None:
    # 1,000 tokens a request: day 3 from the end has 5 requests a minute, the rest 1; older days do not count.
    def per_minute(minute: int) -> int:
        return {0: 9, 5: 5}.get(minute // DAY, 1)

    assert lasting_level(window(steady(8, per_minute)), 99) == pytest.approx(5000 / 60)


def test_lasting_level_needs_seven_days_that_are_known_for_half_of_their_minutes() -> None:
    assert lasting_level(window(steady(6, lambda _: 1)), 99) is None
