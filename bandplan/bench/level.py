"""One level of load as figures: the samples of its requests -> a point of the curve."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from bandplan.bench.histogram import Histogram, histogram_of
from bandplan.bench.sample import SECOND, Outcome, Sample
from bandplan.bench.statistics import Estimate, is_within, percentile, wilson
from bandplan.bench.window import Window, chunks_in, closed_window, shares_in, throughput

PRECISION: Final = 0.05
"""Half width of the interval of throughput, as a share of it, at which a level has been measured long enough."""

LAG_SECONDS: Final = 0.005
LAG_SHARE: Final = 0.01
_TIMER_SECONDS: Final = 0.001
"""The event loop wakes up by whole milliseconds."""

BUSY_CORE: Final = 0.9
"""Share of a core above which a client measures itself."""

_NONE_FITS: Final = "no request fits in the window"

PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits on a good request, in seconds; None: no limit."""

    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    latency_seconds: float | None = None

    def is_kept(self, sample: Sample) -> bool:
        """Whether a completed request kept it. Latency counts from the scheduled time; one token has a TPOT of 0."""
        if sample.outcome != "completed":
            return False
        ttft = sample.ttft
        late = max(0, sample.sent - sample.scheduled) / SECOND
        return (
            (self.ttft_seconds is None or (ttft is not None and ttft + late <= self.ttft_seconds))
            and (self.tpot_seconds is None or (sample.tpot or 0.0) <= self.tpot_seconds)
            and (self.latency_seconds is None or sample.scheduled_latency <= self.latency_seconds)
        )


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds over the requests (or gaps) of a level. `mean` is that of the finite ones."""

    samples: int
    mean: float | None
    percentiles: dict[str, Estimate | None]
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class Client:
    """The state of the measuring side: its delay at the 99th percentile, its busiest core, and what limited it.

    `processes`: how many shared the load.
    """

    lag_p99_seconds: float = 0.0
    cpu: float = 0.0
    notes: tuple[str, ...] = ()
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """One level, measured. `parallel` is None for open loops, `offered` for closed ones. `notes`: what else to know.

    `chunks`: seconds since the first request, and how many chunks were in use then, as far as it was seen.
    """

    parallel: int | None
    offered: float | None
    window: Window
    counts: dict[Outcome, int]
    output: Estimate
    total: Estimate
    ttft: Distribution | None
    tpot: Distribution | None
    itl: Distribution | None
    latency: Distribution | None
    scheduled_latency: Distribution | None
    requests_per_second: float
    mean_input: float | None
    mean_output: float | None
    asked_output: float | None
    goodput: float | None
    attainment: Estimate | None
    client: Client
    invalid: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timeline: list[tuple[float, float, int]] = field(default_factory=list)
    chunks: list[tuple[float, float]] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        return not self.invalid

    @property
    def is_converged(self) -> bool:
        return is_within(self.output if self.output.value else self.total, PRECISION)


def closed_point(
    samples: Sequence[Sample], parallel: int, slo: Slo | None, client: Client, full: int | None = 0
) -> Point:
    """Return the point of a level that kept `parallel` requests in flight, from `full` on (None: they never were).

    Only requests within the steady window count for latency. Those that ended in it count for goodput: a slow request
    is less likely to fit, and the slots that are busy at its edges deliver as much as the others.
    """
    window = None if full is None else closed_window(samples, parallel, full)
    if window is None:
        whole = _whole(samples)
        chosen = Chosen(samples, whole, samples, _ended_in(samples, whole), ("never steady: too few requests ended",))
    else:
        ended = _ended_in(samples, window)
        inside = [one for one in ended if one.sent >= window.start]
        chosen = Chosen(samples, window, inside, ended, () if inside else (_NONE_FITS,))
    return _point(chosen, slo, client, parallel=parallel)


def open_point(samples: Sequence[Sample], offered: float, window: Window, slo: Slo | None, client: Client) -> Point:
    """Return the point of a level that sent requests at their times.

    Each request scheduled in the window counts, whenever it ended.
    """
    inside = [one for one in samples if window.start <= one.scheduled < window.end]
    return _point(
        Chosen(samples, window, inside, inside, () if inside else (_NONE_FITS,)), slo, client, offered=offered
    )


def with_chunks(point: Point, samples: Sequence[Sample], seen: Sequence[tuple[int, float]]) -> Point:
    """Add the chunks in use, each with the nanosecond at which it was seen; a note if they changed in the window."""
    if not seen:
        return point
    start = _whole(samples).start
    chunks = [(max(0.0, (at - start) / SECOND), count) for at, count in seen]
    inside = [count for at, count in seen if point.window.start <= at <= point.window.end]
    notes = point.notes
    if inside and min(inside) != max(inside):
        notes += (f"{min(inside):g} to {max(inside):g} chunks were in use while this was measured",)
    return replace(point, chunks=chunks, notes=notes)


def with_silence(point: Point, samples: Sequence[Sample]) -> Point:
    """Add a note if streamed answers have no text, as they have no TTFT and no TPOT either."""
    done = [one for one in samples if one.outcome == "completed"]
    silent = sum(not one.content for one in done)
    if not silent:
        return point
    note = f"{silent:,} of {len(done):,} answers have no text, and so no TTFT and TPOT"
    return replace(point, notes=(*point.notes, note))


def distribution(values: Sequence[float]) -> Distribution | None:
    """Return figures of seconds, infinite for failures; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    finite = [one for one in ordered if math.isfinite(one)]
    mean = sum(finite) / len(finite) if finite else None
    found = {name: percentile(ordered, share) for name, share in PERCENTILES.items()}
    return Distribution(len(ordered), mean, found, histogram_of(ordered))


def lag_limit(median_latency: float | None) -> float:
    """Return the seconds that the client may be late before a level is invalid."""
    share = LAG_SECONDS if median_latency is None else LAG_SHARE * median_latency
    return max(_TIMER_SECONDS, min(LAG_SECONDS, share))


def _ended_in(samples: Sequence[Sample], window: Window) -> list[Sample]:
    """Return the requests that ended in the window.

    A closed window begins and ends with the end of a request: the first was delivered before it, the last in it.
    """
    return [one for one in samples if one.ended is not None and window.start < one.ended <= window.end]


def _whole(samples: Sequence[Sample]) -> Window:
    start = min((one.began for one in samples), default=0)
    return Window(start, max((one.ended or one.began for one in samples), default=start + 1) + 1)


@dataclass(frozen=True)
class Chosen:
    """All samples of a level, its window, those that count for latency and goodput, and why it is invalid so far."""

    samples: Sequence[Sample]
    window: Window
    inside: Sequence[Sample]
    delivered: Sequence[Sample]
    invalid: tuple[str, ...]


def _point(
    chosen: Chosen, slo: Slo | None, client: Client, *, parallel: int | None = None, offered: float | None = None
) -> Point:
    samples, window, inside, invalid = chosen.samples, chosen.window, chosen.inside, chosen.invalid
    done = [one for one in inside if one.outcome == "completed"]
    ended = [one for one in inside if one.outcome != "unfinished"]
    streams = any(one.content for one in done)
    rates = throughput(samples, window)
    latency = distribution([one.latency for one in ended])
    median = latency.percentiles["p50"] if latency else None
    limit = lag_limit(median.value if median else None)
    if client.lag_p99_seconds > limit:
        invalid += (f"client was {client.lag_p99_seconds * 1000:.1f} ms late at p99 (limit {limit * 1000:.1f} ms)",)
    if client.cpu > BUSY_CORE:
        invalid += (f"client used {client.cpu:.0%} of a core; add --processes {2 * client.processes}",)
    invalid += client.notes
    good = None if slo is None else sum(map(slo.is_kept, ended))
    counts: dict[Outcome, int] = {"completed": 0, "failed": 0, "refused": 0, "unfinished": 0}
    for one in samples:
        counts[one.outcome] += 1
    asked, made = _mean([one.asked_output for one in done]), _mean([one.output_tokens for one in done])
    notes: tuple[str, ...] = ()
    wanted, given = _mean([one.asked_input for one in done]), _mean([one.input_tokens for one in done])
    if wanted and given is not None and abs(given - wanted) > 0.02 * wanted:
        notes += (f"prompts have {given:,.1f} tokens on average, {wanted:,.1f} were requested",)
    if asked is not None and made is not None and abs(made - asked) > 0.005 * max(asked, 1):
        notes += (f"answers have {made:,.1f} tokens on average, {asked:,.1f} were requested",)
    return Point(
        parallel,
        offered,
        window,
        counts,
        rates.output,
        rates.total,
        _first_tokens(ended) if streams else None,
        distribution([tpot for one in done if (tpot := one.tpot) is not None]),
        distribution([gap for one in done for gap in one.gaps]),
        latency,
        distribution([one.scheduled_latency for one in ended]),
        sum(one.outcome == "completed" for one in _ended_in(samples, window)) / max(window.seconds, 1e-9),
        given,
        made,
        asked,
        None if slo is None else sum(map(slo.is_kept, chosen.delivered)) / max(window.seconds, 1e-9),
        None if good is None else wilson(good, len(ended)),
        client,
        invalid,
        notes,
        timeline(samples),
    )


def _first_tokens(samples: Sequence[Sample]) -> Distribution | None:
    """Return the times to first token; a request that did not complete counts as infinite, whatever it sent before."""
    return distribution(
        [one.ttft if one.outcome == "completed" and one.ttft is not None else math.inf for one in samples]
    )


def _mean(values: Sequence[int | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None


def timeline(samples: Sequence[Sample], parts: int = 60) -> list[tuple[float, float, int]]:
    """Second since the first request, output tokens/s and requests in flight, in equal parts of the level."""
    if not samples:
        return []
    whole = _whole(samples)
    edges = whole.edges(parts)
    tokens = [0.0] * parts
    per_chunk = _tokens_per_chunk(samples)
    for one in samples:
        for part, count in chunks_in(one, edges):
            tokens[part] += count * per_chunk
        if not one.content and one.outcome == "completed":
            for part, share in shares_in(one, edges):
                tokens[part] += share * (one.asked_output if one.output_tokens is None else one.output_tokens)
    begins = sorted(one.began for one in samples)
    ends = sorted(one.ended for one in samples if one.ended is not None)
    return [
        (
            (start - whole.start) / SECOND,
            made / ((end - start) / SECOND),
            bisect_right(begins, start) - bisect_right(ends, start),
        )
        for (start, end), made in zip(pairwise(edges), tokens, strict=True)
        if end > start
    ]


def _tokens_per_chunk(samples: Sequence[Sample]) -> float:
    done = [one for one in samples if one.outcome == "completed" and one.output_tokens and one.content]
    return sum(one.output_tokens or 0 for one in done) / sum(len(one.content) for one in done) if done else 1.0
