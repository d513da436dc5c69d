"""A seeded discrete-event run: requests arrive, wait, share a chunk, end.

All requests of a chunk advance at the same speed between two events, so steps are passed over in runs: one number per
chunk, the seconds of lone work given to each request since the beginning, says how far all of them are.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from bandplan.planner.load import Load
from bandplan.planner.rank import nearest_rank
from bandplan.planner.service import Service

WARM_UP = 0.1
"""The share of requests at the beginning that is not judged: they met an empty endpoint."""

QUEUE_LIMIT = 256
"""Requests that may wait; the platform publishes no figure. Ours."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of each judged request, from its arrival; a refused request has none and counts in `refused`."""

    latencies: list[float]
    first_tokens: list[float]
    per_token: list[float]
    waits: list[float]
    refused: int
    requests_per_second: float

    def of(self, name: str) -> list[float]:
        """Return the seconds of `latency`, `ttft` or `tpot`."""
        return {"latency": self.latencies, "ttft": self.first_tokens, "tpot": self.per_token}[name]

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

    The last chunks start at `starts`, in seconds and in order; the others are there from the beginning. `times` are
    arrivals in place of the load's.
    """

    queue_limit: int = QUEUE_LIMIT
    warm_up: float = WARM_UP
    starts: Sequence[float] = ()
    times: Sequence[float] = ()


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
    queue_limit, starts = setting.queue_limit, setting.starts
    shapes = load.shapes(count, seed)
    alone = {shape: service.seconds(shape, load.cache_hit_percent) for shape in set(shapes)}
    speeds = [1 / service.slowness(max(1, n)) for n in range(service.slots + 1)]
    slots = service.slots
    closed = load.concurrent_requests is not None
    arriving: deque[tuple[float, int]]
    if closed:
        parallel = min(load.concurrent_requests or 0, count)
        spacing = service.alone(load) / max(1, parallel)
        arriving = deque((index * spacing, index) for index in range(parallel))
        sent, queue_limit = parallel, count
    else:
        arriving = deque((at, index) for index, at in enumerate(setting.times or load.times(count, seed)))
        sent = count

    # Of each chunk: lone work given to each request so far, the time of that, and the number of its last planned end.
    given, since, version, in_flight = [0.0] * chunks, [0.0] * chunks, [0] * chunks, [0] * chunks
    firsts: list[list[tuple[float, int]]] = [[] for _ in range(chunks)]
    ends: list[list[tuple[float, int]]] = [[] for _ in range(chunks)]
    starting = deque((at, chunks - len(starts) + index) for index, at in enumerate(starts))
    loads: list[dict[int, None]] = [dict.fromkeys(range(chunks - len(starts)))] + [{} for _ in range(slots)]
    events: list[tuple[float, int, int]] = []
    waiting: deque[int] = deque()
    arrived, admitted, first, ended = [0.0] * count, [0.0] * count, [0.0] * count, [-1.0] * count

    def pass_time(chunk: int, work: float) -> None:
        """Note the first tokens up to `work`; they are not events, because they do not change the speed."""
        tokens = firsts[chunk]
        if tokens and tokens[0][0] <= work:
            before, start, speed = given[chunk], since[chunk], speeds[in_flight[chunk]]
            while tokens and tokens[0][0] <= work:
                mark, request = heappop(tokens)
                first[request] = start + (mark - before) / speed
        given[chunk] = work

    def admit(chunk: int, request: int, now: float) -> None:
        before = in_flight[chunk]
        pass_time(chunk, given[chunk] + (now - since[chunk]) * speeds[before])
        since[chunk] = now
        work = given[chunk]
        prompt, output = alone[shapes[request]]
        heappush(firsts[chunk], (work + prompt, request))
        heappush(ends[chunk], (work + prompt + output, request))
        del loads[before][chunk]
        loads[before + 1][chunk] = None
        in_flight[chunk] = before + 1
        admitted[request] = now
        version[chunk] += 1
        heappush(events, (now + (ends[chunk][0][0] - work) / speeds[before + 1], chunk, version[chunk]))

    while arriving or events or (starting and waiting):
        if starting and starting[0][0] <= min(
            events[0][0] if events else starting[0][0], arriving[0][0] if arriving else starting[0][0]
        ):
            now, chunk = starting.popleft()
            loads[0][chunk] = None
            since[chunk] = now
            while waiting and in_flight[chunk] < slots:
                admit(chunk, waiting.popleft(), now)
            continue
        if events and (not arriving or events[0][0] < arriving[0][0]):
            now, chunk, number = heappop(events)
            if number != version[chunk]:
                continue
            mark, request = heappop(ends[chunk])
            pass_time(chunk, mark)
            since[chunk] = ended[request] = now
            before = in_flight[chunk]
            del loads[before][chunk]
            loads[before - 1][chunk] = None
            in_flight[chunk] = before - 1
            if closed and sent < count:
                arriving.append((now, sent))
                sent += 1
            if waiting:
                admit(chunk, waiting.popleft(), now)
            elif before > 1:
                version[chunk] += 1
                at = now + (ends[chunk][0][0] - mark) / speeds[before - 1]
                heappush(events, (at, chunk, version[chunk]))
            continue
        now, request = arriving.popleft()
        arrived[request] = now
        for level in range(slots):
            if loads[level]:
                admit(next(iter(loads[level])), request, now)
                break
        else:
            if len(waiting) < queue_limit:
                waiting.append(request)

    judged = range(int(count * setting.warm_up), count)
    done = [request for request in judged if ended[request] >= 0]
    # Before the last arrival: afterwards the endpoint empties.
    start, stop = arrived[judged.start], arrived[-1]
    delivered = sum(start < at <= stop for at in ended)
    return Run(
        latencies=sorted(ended[one] - arrived[one] for one in done),
        first_tokens=sorted(first[one] - arrived[one] for one in done),
        per_token=sorted(
            (ended[one] - first[one]) / shapes[one].output_tokens for one in done if shapes[one].output_tokens
        ),
        waits=sorted(admitted[one] - arrived[one] for one in done),
        refused=len(judged) - len(done),
        requests_per_second=delivered / (stop - start) if stop > start else 0.0,
    )
