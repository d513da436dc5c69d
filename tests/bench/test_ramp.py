"""When a run of several open levels goes no further."""

from itertools import count

from bandplan.bench.bench import BenchPlan, Limits, Watcher, run_bench
from bandplan.bench.curve import Curve
from bandplan.bench.lengths import Length
from tests.bench.threaded_server import answering


def rates(refused_after: int, *wanted: float) -> Curve:
    asked = count(1)
    with answering(lambda token: 429 if next(asked) > refused_after else 200) as target:
        plan = BenchPlan(
            "open", Length(5), Length(2), Limits(10**4, 10**6, 1), rates=wanted, arrivals="constant", level_seconds=0.47
        )
        return run_bench(plan, target, Watcher(), {})


def test_no_higher_rate_is_tried_after_a_refusal() -> None:
    # 2 requests before the load, 5 at the first rate, and 3 of the 10 at the second: the third rate is not tried.
    curve = rates(10, 10.0, 20.0, 40.0)
    assert [one.counts["refused"] for one in curve.points] == [0, 7]
    assert curve.stopped.startswith("answered 429 at 20 requests/s")


def test_every_rate_is_tried_without_refusals() -> None:
    curve = rates(1000, 10.0, 20.0)
    assert [one.counts["completed"] for one in curve.points] == [5, 10]
    assert curve.stopped == "all levels measured"
