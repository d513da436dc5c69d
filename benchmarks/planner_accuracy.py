"""The planner's simulation against the stub's capacity module: 5 seeds of 5,000 requests in virtual time.

`python -m benchmarks.planner_accuracy` prints planned over witnessed, mean and p95, by shape and utilisation.
"""

from bandplan.planner.law import fit
from bandplan.planner.load import Load, Shape
from bandplan.planner.simulation import simulate
from tests.planner.stub_runs import CHUNKS, open_loop, sweep
from tests.planner.test_accuracy import SEEDS, figures, means

REQUESTS = 5_000
CASES = ((Shape(2048, 256), 0), (Shape(3500, 300), 0), (Shape(512, 512), 0), (Shape(2048, 256), 50))


def main() -> None:
    for shape, spread in CASES:
        service = fit(sweep(shape)).service(1, shape)
        for utilisation in (0.3, 0.5, 0.7, 0.8):
            rate = utilisation * CHUNKS * service.requests_per_second(Load(shape))
            load = Load(shape, rate, spread_percent=spread)
            planned = means(
                [figures(simulate(service, CHUNKS, load, REQUESTS, seed).latencies) for seed in range(SEEDS)]
            )
            witnessed = means([figures(open_loop(load, REQUESTS, seed)) for seed in range(SEEDS)])
            mean, p95 = (one / two for one, two in zip(planned, witnessed, strict=True))
            print(f"{shape!s:>9} spread {spread:>2}% {utilisation:.0%} in use: mean {mean:.3f}, p95 {p95:.3f}")


if __name__ == "__main__":
    main()
