"""What `bandplan bench` writes, read by the planner."""

import pytest

from bandplan.bench.document import document
from bandplan.planner.curve import BadCurve, points_of
from bandplan.planner.law import fit
from bandplan.planner.load import Shape
from tests.bench.curves import curve

# A token of ten takes 80 + 10 C milliseconds, up to eight in flight; beyond, requests wait.
LATENCIES = {c: 10 * (0.080 + 0.010 * min(c, 8)) * max(1, c / 8) for c in (1, 2, 4, 8, 16, 32)}


def test_law_is_recovered_from_what_bench_writes() -> None:
    points = points_of(document(curve(LATENCIES)))
    assert {point.shape for point in points} == {Shape(100, 10)}
    law = fit(points)
    assert (law.t0, law.a) == pytest.approx((0.080, 0.010), rel=0.05)
    assert law.cap == pytest.approx(8, rel=0.05)


def test_levels_that_are_not_valid_or_of_an_open_loop_are_passed_over() -> None:
    written = document(curve(LATENCIES))
    written["curve"][0]["valid"] = False
    written["curve"][1]["parallel"] = None
    written["curve"][2]["output_tokens_per_second"] = None
    assert [point.parallel for point in points_of(written)] == [8, 16, 32]
    written["curve"] = written["curve"][:3]
    with pytest.raises(BadCurve, match="no valid level"):
        points_of(written)
