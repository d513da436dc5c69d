"""The planner's simulation against the stub's capacity module, in virtual time.

`benchmarks/planner_accuracy.py` runs the same with 5,000 requests.
"""

import pytest

from bandplan.planner.law import fit
from bandplan.planner.load import Load, Shape
from bandplan.planner.published import chunk_service
from bandplan.planner.service import Service
from bandplan.planner.simulation import simulate
from tests.planner.stub_runs import CHUNK, CHUNKS, open_loop, sweep

SEEDS = 5
REQUESTS = 1_000


def figures(latencies: list[float]) -> tuple[float, float]:
    ordered = sorted(latencies)
    return sum(ordered) / len(ordered), ordered[int(0.95 * len(ordered))]


def means(runs: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(mean for mean, _ in runs) / len(runs), sum(p95 for _, p95 in runs) / len(runs)


def compare(service: Service, shape: Shape, spread: float, utilisation: float, requests: int = REQUESTS) -> None:
    rate = utilisation * CHUNKS * service.requests_per_second(Load(shape))
    load = Load(shape, rate, spread_percent=spread)
    planned = means([figures(simulate(service, CHUNKS, load, requests, seed).latencies) for seed in range(SEEDS)])
    witnessed = means([figures(open_loop(load, requests, seed)) for seed in range(SEEDS)])
    assert planned[0] == pytest.approx(witnessed[0], rel=0.10)
    assert planned[1] == pytest.approx(witnessed[1], rel=0.15)


@pytest.mark.parametrize("utilisation", [0.3, 0.55, 0.8])
@pytest.mark.parametrize(
    ("shape", "spread"), [(Shape(2048, 256), 0), (Shape(3500, 300), 0), (Shape(512, 512), 0), (Shape(2048, 256), 50)]
)
def test_mean_within_10_and_p95_within_15_percent_of_the_stub(shape: Shape, spread: float, utilisation: float) -> None:
    compare(fit(sweep(shape)).service(1, shape), shape, spread, utilisation)


def test_published_figures_alone_agree_too() -> None:
    compare(chunk_service(CHUNK), Shape(1500, 200), 0, 0.7)
