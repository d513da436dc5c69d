"""A seeded discrete-event run: requests arrive, wait, share a chunk, end.

All requests of a chunk advance at the same speed between two events, so steps are passed over in runs: one number per
chunk, the seconds of lone work given to each request since the beginning, says how far all of them are.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush

from bandplan.planner.load import Load, Shape
from bandplan.planner.rank import nearest_rank
from bandplan.planner.service import Service

WARM_UP = 0.1
"""The share of requests at the beginning that is not judged: they met an empty endpoint."""

QUEUE_LIMIT = 256
"""Requests that may wait; the platform publishes no figure. Ours."""


@dataclass(frozen=True)
class Run:
    """What was seen of the judged requests: the moments of each, in seconds and by its number.

    `done` are those that ended; a refused request counts in `refused` alone. `outputs` are tokens after the first.
    """

    done: Sequence[int]
    arrived: Sequence[float]
    admitted: Sequence[float]
    first: Sequence[float]
    ended: Sequence[float]
    outputs: Sequence[float]
    refused: int
    requests_per_second: float

    @cached_property
    def latencies(self) -> list[float]:
        """Seconds from arrival to the end, sorted, as are those below."""
        arrived, ended = self.arrived, self.ended
        return sorted([ended[one] - arrived[one] for one in self.done])

    @cached_property
    def first_tokens(self) -> list[float]:
        """Seconds from arrival to the first token."""
        arrived, first = self.arrived, self.first
        return sorted([first[one] - arrived[one] for one in self.done])

    @cached_property
    def per_token(self) -> list[float]:
        """Seconds for each output token of the requests that have some."""
        first, ended, outputs = self.first, self.ended, self.outputs
        return sorted([(ended[one] - first[one]) / outputs[one] for one in self.done if outputs[one]])

    @cached_property
    def waits(self) -> list[float]:
        """Seconds from arrival until a chunk takes the request."""
        arrived, admitted = self.arrived, self.admitted
        return sorted([admitted[one] - arrived[one] for one in self.done])

    def of(self, name: str) -> list[float]:
        """Return the seconds of `latency`, `ttft` or `tpot`."""
        match name:
            case "latency":
                return self.latencies
            case "ttft":
                return self.first_tokens
        return self.per_token

    def percentile(self, values: list[float], percent: float) -> float:
        """Return the order statistic; infinite if it lies among the refused requests."""
        count = len(values) + self.refused
        if not count:
            return 0.0
        index = nearest_rank(count, percent)
        return values[index] if index < len(values) else float("inf")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run starts from. `warm_up` is the share of requests at the beginning that is not judged.

    The last chunks start at `starts`, in seconds and in order; the others are there from the beginning. `times` and
    `shapes` are arrivals and lengths in place of the load's, and `judged` the numbers of the judged requests.
    """

    queue_limit: int = QUEUE_LIMIT
    warm_up: float = WARM_UP
    starts: Sequence[float] = ()
    times: Sequence[float] = ()
    shapes: Sequence[Shape] = ()
    judged: Sequence[int] = ()


def simulate(
    service: Service,
    chunks: int,
    load: Load,
    count: int,
    seed: int,
    setting: Setting | None = None,
) -> Run:
    """Run `count` requests through `chunks` equal chunks; each goes to the least loaded one."""
    setting = setting or Setting()
    queue_limit, starts, slots = setting.queue_limit, setting.starts, service.slots
    shapes = setting.shapes or load.shapes(count, seed)
    alone = {shape: service.seconds(shape, load.cache_hit_percent) for shape in set(shapes)}
    parts = list(alone.values()) * count if len(alone) == 1 else [alone[shape] for shape in shapes]
    speeds = [1 / service.slowness(max(1, n)) for n in range(slots + 1)]
    is_closed = load.concurrent_requests is not None
    if is_closed:
        parallel = min(load.concurrent_requests or 0, count)
        spacing = service.alone(load) / max(1, parallel)
        arrived = [index * spacing for index in range(parallel)]
        queue_limit = count
    else:
        arrived = list(setting.times or load.times(count, seed))

    # Of each chunk: lone work given to each request so far, the time of that, and the number of its last planned end.
    given, since, version, in_flight = [0.0] * chunks, [0.0] * chunks, [0] * chunks, [0] * chunks
    firsts: list[list[tuple[float, int]]] = [[] for _ in range(chunks)]
    ends: list[list[tuple[float, int]]] = [[] for _ in range(chunks)]
    starting = deque((at, chunks - len(starts) + index) for index, at in enumerate(starts))
    loads: list[dict[int, None]] = [dict.fromkeys(range(chunks - len(starts)))] + [{} for _ in range(slots)]
    events: list[tuple[float, int, int]] = []
    waiting: deque[int] = deque()
    admitted, first, ended = [0.0] * count, [0.0] * count, [-1.0] * count
    place, now, free = 0, 0.0, -1  # the next arrival, and a chunk that may have room for a request that waits

    # One long loop: a search makes hundreds of thousands of these steps, and calls would be most of their time.
    while True:
        if free >= 0 and waiting and in_flight[free] < slots:
            chunk, request = free, waiting.popleft()
        else:
            free = -1
            arrival = arrived[place] if place < len(arrived) else math.inf
            end = events[0][0] if events else math.inf
            if starting and starting[0][0] <= min(end, arrival) and (waiting or min(end, arrival) < math.inf):
                now, free = starting.popleft()
                loads[0][free] = None
                since[free] = now
                continue
            if end < arrival:
                now, chunk, number = heappop(events)
                if number != version[chunk]:
                    continue
                work, request = heappop(ends[chunk])
                before = in_flight[chunk]
                tokens = firsts[chunk]
                while tokens and tokens[0][0] <= work:
                    mark, number = heappop(tokens)
                    first[number] = since[chunk] + (mark - given[chunk]) / speeds[before]
                given[chunk] = work
                since[chunk] = ended[request] = now
                del loads[before][chunk]
                loads[before - 1][chunk] = None
                in_flight[chunk] = before - 1
                if is_closed and len(arrived) < count:
                    arrived.append(now)
                if waiting:
                    free = chunk
                elif before > 1:
                    version[chunk] += 1
                    heappush(events, (now + (ends[chunk][0][0] - work) / speeds[before - 1], chunk, version[chunk]))
                continue
            if place == len(arrived):
                break
            now, request = arrival, place
            place += 1
            for level in range(slots):
                if loads[level]:
                    chunk = next(iter(loads[level]))
                    break
            else:
                if len(waiting) < queue_limit:
                    waiting.append(request)
                continue

        # The chunk takes the request; a first token does not change its speed, so it is not an event.
        before = in_flight[chunk]
        work = given[chunk] + (now - since[chunk]) * speeds[before]
        tokens = firsts[chunk]
        while tokens and tokens[0][0] <= work:
            mark, number = heappop(tokens)
            first[number] = since[chunk] + (mark - given[chunk]) / speeds[before]
        given[chunk], since[chunk] = work, now
        prompt, output = parts[request]
        heappush(tokens, (work + prompt, request))
        heappush(ends[chunk], (work + prompt + output, request))
        del loads[before][chunk]
        loads[before + 1][chunk] = None
        in_flight[chunk] = before + 1
        admitted[request] = now
        version[chunk] += 1
        heappush(events, (now + (ends[chunk][0][0] - work) / speeds[before + 1], chunk, version[chunk]))

    judged = setting.judged or range(int(count * setting.warm_up), count)
    done = [request for request in judged if ended[request] >= 0]
    # Before the last arrival: afterwards the endpoint empties.
    start, stop = arrived[judged[0]], arrived[-1]
    delivered = sum([start < at <= stop for at in ended])
    outputs = [shapes[0].output_tokens] * count if len(alone) == 1 else [shape.output_tokens for shape in shapes]
    return Run(
        done,
        arrived,
        admitted,
        first,
        ended,
        outputs,
        refused=len(judged) - len(done),
        requests_per_second=delivered / (stop - start) if stop > start else 0.0,
    )
