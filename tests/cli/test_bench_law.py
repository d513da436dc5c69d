"""One law for the planner and for the page of a benchmark."""

import pytest

from bandplan.cli.bench_law import fitted_law
from bandplan.planner.law import Point, fit
from bandplan.planner.load import Shape


def test_law_is_that_of_the_planner_and_is_flat_from_the_plateau_on() -> None:
    # An output token takes 50 + 2 C milliseconds, up to 16 in flight.
    levels = [(c, min(c, 16) / (0.05 + 0.002 * min(c, 16))) for c in (1, 2, 4, 8, 16, 32, 64)]
    law = fitted_law(levels)
    assert law is not None
    # Flat at 16 / 0.082 = 195 tokens/s; half of that, 97.6, with 97.6 x 0.05 / (1 - 97.6 x 0.002) = 6.06 in flight.
    assert (law.limit, law.half) == pytest.approx((195.1, 6.06), rel=0.01)
    planned = fit([Point(Shape(2048, 256), c, rate) for c, rate in levels])
    assert [law.at(c) for c, _ in levels] == pytest.approx([planned.throughput(planned.shape, c) for c, _ in levels])
    assert law.at(64) == pytest.approx(16 / 0.082, rel=0.01)


def test_the_limit_of_a_curve_without_a_plateau_is_what_it_would_rise_to() -> None:
    law = fitted_law([(c, c / (0.05 + 0.002 * c)) for c in (1, 2, 4, 8, 16)])
    assert law is not None
    assert (law.limit, law.half) == pytest.approx((500, 25), rel=0.01)


def test_levels_without_a_limit() -> None:
    law = fitted_law([(c, 12.0 * c) for c in (1, 2, 4)])
    assert law is not None
    assert (law.limit, law.half) == (None, None)


@pytest.mark.parametrize("levels", [[], [(1, 10.0), (2, 20.0)], [(c, 100 * c**1.6) for c in (1, 2, 4, 8, 16, 32)]])
def test_levels_that_follow_no_law_have_none(levels: list[tuple[int, float]]) -> None:
    assert fitted_law(levels) is None
