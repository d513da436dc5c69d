"""A bound that spares simulations: sizes that hold whatever the chunks do.

A request never takes longer than in a full chunk, and waits only if every slot of every chunk is taken. So waits are at
most those of a queue with a server for each slot, each as slow as a full chunk (M/D/n), and these at most those of
exponential service times (M/M/n, Erlang's formula C).
"""

import math

from bandplan.planner.load import Load
from bandplan.planner.service import Service
from bandplan.planner.target import Target

MARGIN = 0.5
"""The share of the allowed misses that the bound may fill: simulated percentiles scatter. Ours."""


def surely_holds(service: Service, chunks: int, load: Load, target: Target) -> bool:
    """Whether the bound alone keeps every limit, for Poisson arrivals of one shape; False says nothing."""
    rate = load.requests_per_second
    if rate is None or load.arrivals != "poisson" or load.has_lengths:
        return False
    slowness = service.slowness(service.slots)
    prompt, output = (slowness * part for part in service.seconds(load.shape, load.cache_hit_percent))
    servers, busy = service.slots * chunks, rate * (prompt + output)
    if busy >= servers:
        return False
    per_token = output / load.shape.output_tokens if load.shape.output_tokens else 0.0
    least = {"latency": prompt + output, "ttft": prompt, "tpot": per_token}
    slacks = {name: limit - least[name] for name, limit in target.limits.items()}
    if min(slacks.values(), default=-1.0) < 0:
        return False
    slack = min((slack for name, slack in slacks.items() if name != "tpot"), default=math.inf)
    late = erlang_c(servers, busy) * math.exp(-(servers - busy) / (prompt + output) * slack)
    return late <= MARGIN * (1 - target.percentile / 100)


def erlang_c(servers: int, busy: float) -> float:
    """Return the share of requests that wait, with `busy` of `servers` busy on average."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = busy * blocked / (count + busy * blocked)
    return blocked / (1 - busy / servers * (1 - blocked))
