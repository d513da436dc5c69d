"""What an endpoint gave over the last ten minutes: tokens and answers in steps of five seconds, and its refusals."""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from bandplan.stub.capacity.levels import STEP_SECONDS, STEPS
from bandplan.stub.capacity.recount import recount

MOST_REFUSALS = 20
"""Number of different refusals remembered per endpoint; arbitrary."""
MINUTE_STEPS = 60 // STEP_SECONDS

BIN = math.log(1.05)
"""Latencies are counted in bins 5% wide, so that any number of them takes little memory."""


@dataclass(slots=True)
class Step:
    """Tokens delivered in one step, and the queries that ended in it: by outcome, and by bin of latency if answered."""

    input_tokens: int = 0
    output_tokens: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    latencies: Counter[int] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Refusal:
    """The queries that were refused or failed for one reason: how many, and when the first and the last were."""

    first: float
    last: float
    count: int
    status: int
    message: str


class History:
    """The history of one endpoint; times are in seconds of the workspace's clock."""

    def __init__(self) -> None:
        self._steps: dict[int, Step] = {}
        self._refusals: deque[Refusal] = deque(maxlen=MOST_REFUSALS)

    def tokens(self, now: float, input_tokens: int, output_tokens: int) -> None:
        """Count tokens as they are delivered."""
        step = self._at(now)
        step.input_tokens += input_tokens
        step.output_tokens += output_tokens

    def correct(self, now: float, input_tokens: int, output_tokens: int) -> None:
        """Add what the engine itself counted more than was counted here; less is negative."""
        newest = int(now // STEP_SECONDS)
        self._at(now)
        recount(
            (self._steps[at] for at in range(newest, newest - STEPS, -1) if at in self._steps),
            input_tokens,
            output_tokens,
        )

    def end(self, now: float, status: int, latency_ms: float, message: str = "") -> None:
        """Count a query that ended with an HTTP status. A client that left (499) counts as no outcome."""
        step = self._at(now)
        if status < 400:
            step.answered += 1
            step.latencies[_bin(latency_ms)] += 1
        elif status != 499:
            if status < 500:
                step.refused += 1
            else:
                step.failed += 1
            self._refuse(now, status, message)

    @property
    def refusals(self) -> list[Refusal]:
        """The last refusals, the latest first; equal ones are one."""
        return list(reversed(self._refusals))

    def steps(self, now: float) -> tuple[int, list[Step]]:
        """Return the number of the first step of the last ten minutes and all steps; the last one is not over yet."""
        first = int(now // STEP_SECONDS) - STEPS + 1
        return first, [self._steps.get(at) or Step() for at in range(first, first + STEPS)]

    def last_minute(self, now: float) -> Step:
        newest = int(now // STEP_SECONDS)
        return _sum(self._steps.get(at) for at in range(newest - MINUTE_STEPS + 1, newest + 1))

    def tokens_per_second(self, now: float) -> float:
        """Return the tokens/s, input and output, of the last 5 to 10 seconds: the current step and the one before."""
        newest = int(now // STEP_SECONDS)
        recent = _sum(self._steps.get(at) for at in (newest - 1, newest))
        return recent.tokens / (now - (newest - 1) * STEP_SECONDS)

    def _at(self, now: float) -> Step:
        number = int(now // STEP_SECONDS)
        step = self._steps.get(number)
        if step is None:
            step = self._steps[number] = Step()
            if len(self._steps) > 2 * STEPS:
                for old in [at for at in self._steps if at <= number - STEPS]:
                    del self._steps[old]
        return step

    def _refuse(self, now: float, status: int, message: str) -> None:
        first, count = now, 0
        for one in self._refusals:
            if (one.status, one.message) == (status, message):
                first, count = one.first, one.count
                self._refusals.remove(one)
                break
        self._refusals.append(Refusal(first, now, count + 1, status, message))


class Histories:
    """Histories by endpoint id since `since`; at most `most`, the oldest forgotten first."""

    def __init__(self, since: float, most: int = 1000) -> None:
        self.since = since
        self._most = most
        self._histories: dict[str, History] = {}

    def of(self, endpoint_id: str) -> History:
        """Return the history of an endpoint to add to."""
        history = self._histories.get(endpoint_id)
        if history is None:
            if len(self._histories) >= self._most:
                del self._histories[next(iter(self._histories))]
            history = self._histories[endpoint_id] = History()
        return history

    def seen(self, endpoint_id: str) -> History:
        """Return the history of an endpoint to read, which may be empty."""
        return self._histories.get(endpoint_id) or History()


def percentile(latencies: Counter[int], percent: float) -> float | None:
    """Return a percentile of the latencies in milliseconds, within 2.5%, or None without any."""
    rank = max(1, math.ceil(latencies.total() * percent / 100))
    seen = 0
    for at in sorted(latencies):
        seen += latencies[at]
        if seen >= rank:
            return math.exp((at + 0.5) * BIN)
    return None


def _bin(latency_ms: float) -> int:
    return math.floor(math.log(max(latency_ms, 0.01)) / BIN)


def _sum(steps: Iterable[Step | None]) -> Step:
    total = Step()
    for step in steps:
        if step is not None:
            total.input_tokens += step.input_tokens
            total.output_tokens += step.output_tokens
            total.answered += step.answered
            total.refused += step.refused
            total.failed += step.failed
            total.latencies += step.latencies
    return total
