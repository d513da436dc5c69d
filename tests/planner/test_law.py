"""The law of step times, fitted to sweeps whose coefficients are known."""

import pytest

from bandplan.planner.law import Law, NoLaw, Point, fit, non_negative_least_squares
from bandplan.planner.load import Load, Shape
from bandplan.planner.simulation import simulate
from tests.planner.stub_runs import CHUNK, sweep

SHAPE = Shape(2048, 256)
TERMS = {"t0": 0.007, "a": 20e-6, "k": 0.052e-6, "p": 36.1e-6}


def points(shape: Shape, cap: float = 64, noise: tuple[float, ...] = (1.0,)) -> list[Point]:
    law = Law(**TERMS, cap=cap, shape=shape, knows_shapes=True)
    levels = (1, 2, 4, 8, 16, 32, 64, 128)
    return [
        Point(shape, level, law.throughput(shape, level) * noise[index % len(noise)])
        for index, level in enumerate(levels)
    ]


def test_two_shapes_split_prompt_from_output() -> None:
    law = fit([*points(SHAPE), *points(Shape(512, 512)), *points(Shape(3500, 300)), *points(Shape(100, 900))])
    assert law.knows_shapes
    assert (law.t0, law.p) == pytest.approx((TERMS["t0"], TERMS["p"]), rel=0.02)
    unseen = Shape(1000, 400)
    # s = a + k (1000 + 400 / 2) + p 1000 / 400
    assert law.s(unseen) == pytest.approx(20e-6 + 0.052e-6 * 1200 + 36.1e-6 * 2.5, rel=0.02)


def test_one_shape_gives_t0_and_s_alone() -> None:
    law = fit(points(SHAPE))
    s = 20e-6 + 0.052e-6 * (2048 + 128) + 36.1e-6 * 8
    assert not law.knows_shapes
    assert (law.t0, law.s(SHAPE)) == pytest.approx((0.007, s), rel=0.01)
    assert law.half(SHAPE) == pytest.approx(0.007 / s, rel=0.02)
    assert law.cap == pytest.approx(64, rel=0.05)


def test_fit_recovers_the_stubs_t0_and_s_from_its_own_sweep() -> None:
    law = fit(sweep(SHAPE))
    # Alone in its chunk a request takes 2304 / (980 / 4 x 1.35) = 6.966 s, in a full one 2304 / (980 / 4) = 9.404 s.
    alone, full = 2304 / (CHUNK / 4 * 1.35), 2304 / (CHUNK / 4)
    s = (full - alone) / 3 / 256
    assert law.s(SHAPE) == pytest.approx(s, rel=0.05)
    assert law.t0 == pytest.approx(alone / 256 - s, rel=0.05)
    assert law.cap == pytest.approx(4, rel=0.05)


def test_simulation_of_a_fitted_law_gives_back_its_curve() -> None:
    for shape in (SHAPE, Shape(3500, 300), Shape(512, 512), Shape(128, 1024), Shape(8000, 200)):
        law = fit(points(shape))
        for parallel in (1, 8, 32, 64):
            load = Load(shape, concurrent_requests=parallel)
            run = simulate(law.service(1, shape), 1, load, 1500, 0)
            measured = run.requests_per_second * shape.output_tokens
            assert measured == pytest.approx(law.throughput(shape, parallel), rel=0.06)


def test_two_chunks_measured_together_are_two_of_half_the_curve() -> None:
    law = fit(points(SHAPE))
    load = Load(SHAPE, concurrent_requests=64)
    whole = simulate(law.service(1, SHAPE), 1, load, 1500, 0).requests_per_second
    halves = simulate(law.service(2, SHAPE), 2, load, 1500, 0).requests_per_second
    assert halves == pytest.approx(whole, rel=0.03)


def test_noise_of_3_percent_is_smoothed() -> None:
    law = fit(points(SHAPE, noise=(1.03, 0.97)))
    assert law.t0 == pytest.approx(0.007, rel=0.06)


def test_misses_above_15_percent_are_refused_with_a_plot() -> None:
    bent = [Point(SHAPE, n, 100 * n**1.6) for n in (1, 2, 4, 8, 16, 32)]
    with pytest.raises(NoLaw, match="more than 15%") as error:
        fit(bent)
    assert str(error.value).count("measured") == 1 + len(bent)


def test_a_curve_that_does_not_rise_or_is_too_short_is_refused() -> None:
    with pytest.raises(NoLaw, match="at least 3"):
        fit([Point(SHAPE, 1, 100), Point(SHAPE, 2, 150)])
    with pytest.raises(NoLaw, match="does not rise"):
        fit([Point(SHAPE, n, 100) for n in (8, 16, 32)])


def test_no_coefficient_is_below_zero() -> None:
    # Without the bound the line through these has a negative intercept: 2 x - 1.
    assert non_negative_least_squares([(1, 1), (1, 2), (1, 3)], [1, 3, 5])[0] == 0
    assert non_negative_least_squares([(1, 1), (1, 2), (1, 3)], [5, 7, 9]) == pytest.approx((3, 2))
