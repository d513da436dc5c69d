"""Verdicts in words: a table of bands, and the evidence of each endpoint. Pure."""

from collections.abc import Sequence

from bandplan.counted import counted
from bandplan.planner.published import IN_FLIGHT_PER_CHUNK
from bandplan.usage.bands import Sized, arrivals_of
from bandplan.usage.verdict import Verdict, moment
from bandplan.usage.window import DAY, Window, percentile


def rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return the bands of every endpoint as rows of a table, under a heading."""
    return [["ENDPOINT", "NOW", "LOWER", "TARGET", "UPPER", "DECISION"], *map(_cells, verdicts)]


def _cells(verdict: Verdict) -> list[str]:
    sized = (verdict.lower, verdict.target, verdict.upper)
    bands = [verdict.shown(one.band if one is not None else None) for one in sized]
    return [verdict.endpoint, verdict.shown(verdict.now), *bands, decided(verdict)]


def decided(verdict: Verdict) -> str:
    """Return the decision in a few words."""
    band = verdict.decision.band
    return verdict.decision.action if band is None else f"{verdict.decision.action}: {verdict.shown(band)}"


def markdown(stack: str, head: Sequence[str], verdicts: Sequence[Verdict], now: int) -> list[str]:
    """Return the answer as Markdown: a table, and the evidence of each endpoint as code, as texts of others are in it.

    `head` are lines on the files that were read.
    """
    changed = sum(one.decision.band is not None for one in verdicts)
    other = "other band" if changed == 1 else "other bands"
    found = f"observed use suggests {changed} {other}" if changed else "no band changes"
    looked = f"{counted(len(verdicts), 'endpoint')} looked at"
    lines = [f"**{stack}**: {found}, {looked}.", ""]
    lines += ["| endpoint | now | lower | target | upper | decision |", "|---|---|---|---|---|---|"]
    for one in verdicts:
        lines.append(f"| {' | '.join(_cells(one))} |")
    evidence = [*head]
    for one in verdicts:
        evidence += ["", f"{one.endpoint}: {decided(one)}", *lines_of(one, now)]
    body = [line.replace("`", "'") for line in evidence]
    return [*lines, "", "<details><summary>Evidence</summary>", "", "```text", *body, "```", "", "</details>"]


def lines_of(verdict: Verdict, now: int) -> list[str]:
    """Return the evidence, one thought a line; `now` is in minutes since 1970."""
    said = [f"  because  {reason}" for reason in verdict.decision.reasons]
    window = verdict.window
    if window is None:
        return said
    said += [f"  {line}" for line in _bands(verdict)]
    gaps = window.gap_percent
    told = "gaps not known without `bandplan observe`"
    if gaps is not None:
        told = f"{gaps:.1f}% gaps since `bandplan observe` began {counted(window.watched_minutes, 'minute')} before"
    age = max(0.0, (now - window.end) / DAY)
    end = moment(window.end)[:16].replace("T", " ")
    said.append(
        f"  window   {window.days:.1f} days to {end} UTC ({age:.1f} days ago), "
        f"{counted(window.samples, 'minute')}, {told}"
    )
    total = window.total
    if window.tokened:
        said.append(
            f"  tokens   {window.input_tokens:,.0f} in, {window.output_tokens:,.0f} out for a request on average, "
            f"spread {window.spread_percent:.0f}%; {window.untokened_percent:.1f}% of the answers have no counts; "
            f"arrivals: {_arrivals(window)}"
        )
    if total.requests:
        said.append(
            f"  answers  {counted(total.requests, 'request')}, {total.refused:,} refused (429), "
            f"{total.failed:,} failed (5xx)"
        )
    if window.latencies:
        latency = percentile(window.latencies, verdict.latency_percentile)
        first = (
            f", to the first byte {percentile(window.ttfts, verdict.latency_percentile):.2f} s" if window.ttfts else ""
        )
        said.append(f"  latency  {latency:.2f} s at p{verdict.latency_percentile:g}{first}")
    said += [f"  scale    {line}" for line in _scale(verdict, window)]
    if verdict.capacity is not None and verdict.target is not None and verdict.target.plan is not None:
        peak = verdict.target.plan.peak
        said += [f"  from     {line}" for line in verdict.capacity.provenance(peak.shape, peak.has_lengths)]
    return said


def _bands(verdict: Verdict) -> list[str]:
    lines = []
    for name in ("lower", "target", "upper"):
        sized: Sized | None = getattr(verdict, name)
        if sized is not None:
            which = "the busiest minute" if sized.percentile == 100 else f"p{sized.percentile:g} of the minutes"
            band = _chunks(verdict, sized)
            lines.append(
                f"{name:<8} {band}: {sized.tokens_per_second:,.0f} tokens/s ({sized.requests_per_second:.2f} "
                f"requests/s) at {which}"
            )
            if sized.replay is not None:
                lines[-1] += f"; {sized.replay}"
    return lines


def _chunks(verdict: Verdict, sized: Sized) -> str:
    shown, band = verdict.shown(sized.band), sized.band
    if verdict.capacity is None or not verdict.capacity.is_range:
        return shown
    return counted(band.max, "chunk") if band.min == band.max else f"{shown} chunks"


def _arrivals(window: Window) -> str:
    dispersion = window.dispersion
    if dispersion is None:
        return "Poisson assumed: their times say too little"
    return f"{arrivals_of(window)} (variance of a second {dispersion:.1f} times its mean)"


def _scale(verdict: Verdict, window: Window) -> list[str]:
    """Return what the metrics export tells beside the rows."""
    if not window.exported:
        return []
    minutes = window.exported.values()
    concurrency = [one.concurrency for one in minutes if one.concurrency is not None]
    gpu = [one.gpu_percent for one in minutes if one.gpu_percent is not None]
    told = []
    if concurrency:
        is_chunks = verdict.capacity is not None and verdict.capacity.is_range
        most = max(concurrency) / IN_FLIGHT_PER_CHUNK
        chunks = f" ({most:g} chunk{'' if most == 1 else 's'})" if is_chunks else ""
        told.append(f"provisioned concurrency at most {max(concurrency):g}{chunks}")
    if gpu:
        told.append(f"GPU at most {max(gpu):.0f}%")
    refused, failed = sum(one.answered_4xx for one in minutes), sum(one.answered_5xx for one in minutes)
    told.append(
        f"{refused:,} answered 4xx and {failed:,} 5xx in {counted(len(minutes), 'minute')} of the metrics export"
    )
    coverage = window.coverage_percent
    if coverage is not None:
        told.append(f"rows for {coverage:.0f}% of its requests")
    return ["; ".join(told)]
