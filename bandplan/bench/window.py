"""The steady part of a level, and what was delivered in it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from bandplan.bench.sample import SECOND, Sample
from bandplan.bench.statistics import Estimate, mean_of_batches

MOST_WARM_UP: Final = 0.25
"""Most of an open loop that counts as its warm-up; arbitrary."""

BATCHES: Final = 10
"""Equal parts of the window whose means give the interval; at least 8, so that it means something."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, in nanoseconds."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        return max(0, self.end - self.start) / SECOND

    def edges(self, count: int) -> list[int]:
        """Return where `count` equal parts begin and end: one more value than there are parts."""
        return [self.start + (self.end - self.start) * part // count for part in range(count + 1)]


def closed_window(samples: Sequence[Sample], parallel: int, full: int = 0, now: int | None = None) -> Window | None:
    """Return the time in which `parallel` requests were in flight throughout; None if there was none.

    It begins when as many requests have ended as are in flight, though not before `full`, when the last slot sent its
    first request. It ends when the first slot stays idle; while the load goes on it ends `now`.
    """
    ends = sorted(one.ended for one in samples if one.ended is not None)
    if len(ends) < parallel:
        return None
    start = max(full, ends[parallel - 1])
    # Every end but the last `parallel` ones lets another request begin.
    idle = len(samples) - parallel
    end = now if now is not None else ends[min(idle, len(ends) - 1)]
    return Window(start, end) if end > start else None


def warm_window(samples: Sequence[Sample], window: Window) -> Window:
    """Return the window of an open loop without its beginning, until about which no request has ended.

    That is the median latency, and at most MOST_WARM_UP of the window.
    """
    done = [one.latency for one in samples if one.outcome == "completed"]
    if not done:
        return window
    seconds = min(median(done), MOST_WARM_UP * window.seconds)
    return Window(window.start + round(seconds * SECOND), window.end)


def shares_in(sample: Sample, edges: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Yield the parts between `edges` in which tokens of the request came, each with their share of all of them.

    A streamed answer has its stamps; of a whole one it is taken that it was made evenly between sending and end.
    """
    if sample.content:
        for part, count in chunks_in(sample, edges):
            yield part, count / len(sample.content)
    elif sample.ended is not None and sample.ended > sample.sent:
        for part in _parts_between(sample.sent, sample.ended, edges):
            overlap = min(sample.ended, edges[part + 1]) - max(sample.sent, edges[part])
            yield part, max(0, overlap) / (sample.ended - sample.sent)


def chunks_in(sample: Sample, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the parts between `edges` in which chunks with content came, each with their number."""
    content = sample.content
    if not content:
        return
    parts = _parts_between(content[0], content[-1], edges)
    before = bisect_left(content, edges[parts.start])
    for part in parts:
        upto = bisect_left(content, edges[part + 1], before)
        yield part, upto - before
        before = upto


def _parts_between(first: int, last: int, edges: Sequence[int]) -> range:
    """Return the parts that have a moment between `first` and `last`."""
    return range(max(0, bisect_right(edges, first) - 1), min(bisect_right(edges, last), len(edges) - 1))


@dataclass(frozen=True, slots=True)
class Throughput:
    """Tokens per second over a window: of the answers alone, and of prompts and answers."""

    output: Estimate
    total: Estimate


def throughput(samples: Sequence[Sample], window: Window) -> Throughput:
    """Return the tokens delivered per second of the window.

    Of a request still in flight the tokens are not known: each of its chunks counts as one of the completed ones does
    on average.
    """
    counted = [(one, *_tokens_of(one)) for one in samples if one.outcome == "completed"]
    chunks = sum(len(one.content) for one, _, _ in counted)
    inputs = sum(given for _, given, _ in counted)
    outputs = sum(made for _, _, made in counted)
    if chunks:
        open_ones = [one for one in samples if one.outcome == "unfinished" and one.content]
        counted += [(one, inputs / chunks * len(one.content), outputs / chunks * len(one.content)) for one in open_ones]
    edges = window.edges(BATCHES)
    made, both = [0.0] * BATCHES, [0.0] * BATCHES
    for one, given, answer in counted:
        for part, share in shares_in(one, edges):
            made[part] += share * answer
            both[part] += share * (given + answer)
    lengths = [(end - start) / SECOND or 1e-9 for start, end in pairwise(edges)]
    return Throughput(_rate_of(made, lengths), _rate_of(both, lengths))


def _rate_of(tokens: Sequence[float], seconds: Sequence[float]) -> Estimate:
    return mean_of_batches([count / length for count, length in zip(tokens, seconds, strict=True)])


def _tokens_of(sample: Sample) -> tuple[float, float]:
    given = sample.asked_input if sample.input_tokens is None else sample.input_tokens
    answer = sample.asked_output if sample.output_tokens is None else sample.output_tokens
    return given, answer
