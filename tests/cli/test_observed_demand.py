"""The observed demand that a patch writes: with it, the planner comes to the band that was replayed."""

from collections.abc import Iterator

from bandplan.cli.observed_demand import observed_demand
from bandplan.planner.capacity import Capacity
from bandplan.planner.plan import plan
from bandplan.planner.target import Target
from bandplan.serving.spec.demand import Demand
from bandplan.serving.throughput.latency import load_of, target_of
from bandplan.usage.bands import Sized, Sizer
from bandplan.usage.usage_table import Row
from tests.usage.rows import NOW, row, window

CHUNKS = Capacity("bands", 980)
DEMAND = Demand(requests_per_second=9, input_tokens=10, output_tokens=10, latency_seconds=10)


def sized(per_busy_minute: list[float]) -> Sized:
    """A day of two requests a minute, and of the given seconds in every 40th."""

    def rows() -> Iterator[Row]:
        for minute in range(NOW - 24 * 60, NOW):
            for second in per_busy_minute if minute % 40 == 0 else (10.5, 40.5):
                yield row(minute + second / 60, 2048, 256)

    return Sizer(CHUNKS, Target(latency_seconds=10), 0.0).at(window(rows()), 99)


def ceiling(fields: dict[str, float]) -> int:
    demand = DEMAND.model_copy(update=fields)
    assert demand.peak_factor is not None
    factor = demand.peak_factor
    return plan(CHUNKS, load_of(demand), target_of(demand), peak_factor=factor, headroom_percent=0.0).ceiling_steps


def test_peak_factor_is_lowered_for_requests_that_come_evenly() -> None:
    # One request in 2.6 s is 23 x 2304 / 60 = 883 tokens/s, within one chunk; at random they would wait in it.
    found = sized([0.5 + 2.6 * number for number in range(23)])
    assert found.plan is not None
    assert (found.plan.ceiling_steps, found.band.max) == (2, 1)
    fields = observed_demand(DEMAND, found)
    # The minutes have 23 / (1/40 x 23 + 39/40 x 2) = 9.1 times the average.
    assert 1 <= fields["peak_factor"] < 5
    assert ceiling(fields) == 1


def test_peak_factor_is_the_observed_one_where_the_planner_agrees() -> None:
    found = sized([0.5 + 6 * number for number in range(10)])
    assert found.plan is not None
    assert found.plan.ceiling_steps == found.band.max == 1
    # 10 / (10 / 40 + 2 x 39 / 40) = 4.55
    assert observed_demand(DEMAND, found)["peak_factor"] == 4.55


def test_peak_factor_is_raised_for_requests_that_come_together() -> None:
    # Twenty at once: four in a chunk take 6.97 x 1.35 = 9.4 s, and five in it would wait. Bursts of the same mean and
    # variance, as a demand has them, take less.
    found = sized([20.25 + 0.01 * number for number in range(20)])
    assert found.plan is not None
    assert found.plan.ceiling_steps < found.band.max == 5
    fields = observed_demand(DEMAND, found)
    assert ceiling(fields) == found.band.max
