"""The steady part of a level, and what was delivered in it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bandplan.bench.sample import SECOND, Sample
from bandplan.bench.statistics import Estimate, mean_of_batches

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

    def parts(self, count: int) -> "list[Window]":
        edges = [self.start + (self.end - self.start) * part // count for part in range(count + 1)]
        return [Window(start, end) for start, end in pairwise(edges)]


def closed_window(samples: Sequence[Sample], parallel: int, now: int | None = None) -> Window | None:
    """Return the time in which `parallel` requests were in flight throughout; None if there was none.

    It begins when as many requests have ended as are in flight, and ends when the first slot stays idle. While the load
    goes on it ends `now`.
    """
    ends = sorted(one.ended for one in samples if one.ended is not None)
    if len(ends) < parallel:
        return None
    start = ends[parallel - 1]
    # Every end but the last `parallel` ones lets another request begin.
    idle = len(samples) - parallel
    end = now if now is not None else ends[min(idle, len(ends) - 1)]
    return Window(start, end) if end > start else None


def share_in(sample: Sample, window: Window) -> float:
    """Return the share of the request's tokens that came in the window.

    A streamed answer has its stamps; of a whole one it is taken that it was made evenly between sending and end.
    """
    if sample.content:
        return chunks_in(sample, window) / len(sample.content)
    if sample.ended is None or sample.ended <= sample.sent:
        return 0.0
    overlap = min(sample.ended, window.end) - max(sample.sent, window.start)
    return max(0, overlap) / (sample.ended - sample.sent)


def chunks_in(sample: Sample, window: Window) -> int:
    """Count the chunks with content that came in the window."""
    return bisect_left(sample.content, window.end) - bisect_left(sample.content, window.start)


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
    made, both = [], []
    for part in window.parts(BATCHES):
        shares = [(share_in(one, part), given, answer) for one, given, answer in counted if _touches(one, part)]
        made.append(sum(share * answer for share, _, answer in shares) / (part.seconds or 1e-9))
        both.append(sum(share * (given + answer) for share, given, answer in shares) / (part.seconds or 1e-9))
    return Throughput(mean_of_batches(made), mean_of_batches(both))


def _tokens_of(sample: Sample) -> tuple[float, float]:
    given = sample.asked_input if sample.input_tokens is None else sample.input_tokens
    answer = sample.asked_output if sample.output_tokens is None else sample.output_tokens
    return given, answer


def _touches(sample: Sample, window: Window) -> bool:
    return sample.sent < window.end and (sample.ended is None or sample.ended >= window.start)
