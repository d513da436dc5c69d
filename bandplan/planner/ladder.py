"""What a model is sold in, step by step: tokens/s, requests/s and the naive seconds of one request."""

from dataclasses import dataclass

from bandplan.planner.arithmetic import request_seconds
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape


@dataclass(frozen=True, slots=True)
class Rung:
    """`amount` is in chunks or model units. `tokens_per_second` is published, for model units of one model and shape;
    `requests_per_second` is what this is for requests of the shape asked for, by the weights of the planner."""

    steps: int
    amount: int
    tokens_per_second: float
    requests_per_second: float
    reference_seconds: float


def ladder(capacity: Capacity, shape: Shape, count: int) -> list[Rung]:
    """Return the first `count` legal amounts."""
    rungs = []
    for steps in range(1, count + 1):
        service, chunks = capacity.served_by(steps, shape)
        tokens = capacity.tokens_per_second(steps)
        requests = service.requests_per_second(Load(shape)) * chunks
        rungs.append(Rung(steps, capacity.amount(steps), tokens, requests, request_seconds(capacity.reference, tokens)))
    return rungs
