"""The stub's capacity module in virtual time: open and closed loops, which the planner is compared with.

It shares no code with the planner, so each is the witness of the other.
"""

import math
import random

from bandplan.planner.law import Point
from bandplan.planner.load import Load, Shape
from bandplan.stub.capacity.shape import Shape as StubShape
from tests.stub.capacity.virtual_time import Clients, Ended, closed_loop, pool_of

CHUNK = 980.0
CHUNKS = 4


def sweep(shape: Shape, levels: tuple[int, ...] = (1, 2, 4, 8, 16, 32)) -> list[Point]:
    """Measure output tokens/s of one chunk by parallelism; the first third of the time is not counted."""
    points = []
    stub_shape = StubShape(int(shape.input_tokens), int(shape.output_tokens))
    seconds = 100 * shape.total / CHUNK * 4
    for parallel in levels:
        clients = closed_loop(pool_of(CHUNK, 1, 1), parallel, seconds, stub_shape)
        late = [ended for ended in clients.ended if (ended.ticket.ended or 0) > seconds / 3]
        points.append(Point(shape, parallel, len(late) * shape.output_tokens / (seconds * 2 / 3)))
    return points


def open_loop(load: Load, count: int, seed: int, chunks: int = CHUNKS) -> list[float]:
    """Send `count` requests to the chunks as a Poisson process; return their latencies without the first tenth."""
    rng = random.Random(1000 + seed)
    assert load.requests_per_second is not None
    clients = Clients(pool_of(CHUNK, chunks, chunks))
    sent: list[Ended] = []
    order = {}
    for number in range(count):
        clients.run(clients.now + rng.expovariate(load.requests_per_second))
        order[clients.send(_shape(load, rng))] = number
    clients.run(clients.now + 10_000)
    sent = sorted(clients.ended, key=lambda ended: order[ended.ticket])
    return [ended.latency for ended in sent[count // 10 :]]


def _shape(load: Load, rng: random.Random) -> StubShape:
    spread = load.spread_percent / 100
    sigma = math.sqrt(math.log(1 + spread**2))
    lengths = (load.shape.input_tokens, load.shape.output_tokens)
    return StubShape(*(max(1, round(mean * math.exp(rng.gauss(0, sigma) - sigma**2 / 2))) for mean in lengths))
