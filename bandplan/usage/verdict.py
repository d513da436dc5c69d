"""One endpoint as it was judged: as JSON, as a line of the trail, and as measured use. Pure."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bandplan.planner.capacity import Capacity
from bandplan.usage.bands import Band, Sized
from bandplan.usage.decision import Decision
from bandplan.usage.observed import Observed
from bandplan.usage.replay import NoReplay, Replay
from bandplan.usage.window import DAY, Window, percentile

RECENT_MINUTES = 60
"""The newest minutes of rows that a measurement of a served entity is made from: of one step of a rollout. Ours."""

LEAST_TIMES = 59
"""Times to first token without which a p95 is not stated: fewer do not bound it (ln 0.05 / ln 0.95)."""


@dataclass(frozen=True)
class Verdict:
    """`now` is the band of the entry; None, as the rest, if it is not known. `latency_percentile` is the target's."""

    endpoint: str
    decision: Decision
    capacity: Capacity | None = None
    now: Band | None = None
    window: Window | None = None
    lower: Sized | None = None
    target: Sized | None = None
    upper: Sized | None = None
    latency_percentile: float = 95.0

    def amounts(self, band: Band) -> tuple[int, int]:
        """Return (min, max) in chunks or model units."""
        assert self.capacity is not None
        return self.capacity.amount(band.min), self.capacity.amount(band.max)

    def shown(self, band: Band | None) -> str:
        """Return a band such as `2 to 4`, or the number of model units; `-` if there is none."""
        if band is None or self.capacity is None:
            return "-"
        low, high = self.amounts(band)
        return f"{low:,} to {high:,}" if self.capacity.is_range else f"{high:,} units"

    def as_json(self, now: int) -> dict[str, Any]:
        """Return the verdict as plain values."""
        window, decision = self.window, self.decision
        document: dict[str, Any] = {
            "endpoint": self.endpoint,
            "decision": decision.action,
            "reasons": [{"code": str(reason.code), "text": reason.text} for reason in decision.reasons],
            "unit": self.capacity.unit if self.capacity is not None else None,
            "increment": self.capacity.increment if self.capacity is not None else None,
            "source": self.capacity.source if self.capacity is not None else None,
            "now": self._json_band(self.now),
            "suggested": self._json_band(decision.band),
        }
        for name in ("lower", "target", "upper"):
            document[name] = self._json_sized(getattr(self, name))
        if window is None:
            return {**document, "window": None}
        total = window.total
        return {
            **document,
            "window": {
                "from": moment(window.start),
                "to": moment(window.end),
                "days": round(window.days, 3),
                "age_days": round((now - window.end) / DAY, 3),
                "samples": window.samples,
                "gap_percent": _rounded(window.gap_percent),
                "requests": total.requests,
                "refused": total.refused,
                "failed": total.failed,
                "untokened_percent": _rounded(window.untokened_percent),
                "coverage_percent": _rounded(window.coverage_percent),
                "input_tokens": _rounded(window.input_tokens),
                "output_tokens": _rounded(window.output_tokens),
                "spread_percent": _rounded(window.spread_percent),
                "dispersion": _rounded(window.dispersion),
                "mean_tokens_per_second": _rounded(window.mean),
            },
        }

    def trail(self, at: datetime, stack: str, now: int) -> dict[str, Any]:
        """Return the line of the trail: the JSON, with the time and the stack in front and codes for reasons."""
        document = self.as_json(now)
        document["reasons"] = [str(reason.code) for reason in self.decision.reasons]
        return {"at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "stack": stack, **document}

    def use(self, percentile: float, source: str) -> dict[str, Any] | None:
        """Return what the policy observed-use reads of this endpoint; None if no tokens are known."""
        window = self.window
        if window is None or not window.tokened:
            return None
        return {
            "percentile": percentile,
            "tokens_per_second": round(window.level(percentile), 3),
            "samples": window.samples,
            "from": moment(window.start)[:10],
            "to": moment(window.end - 1)[:10],
            "source": source,
        }

    def _json_band(self, band: Band | None) -> dict[str, int] | None:
        if band is None or self.capacity is None:
            return None
        low, high = self.amounts(band)
        return self.capacity.stated(low, high)

    def _json_sized(self, sized: Sized | None) -> dict[str, Any] | None:
        if sized is None:
            return None
        return {
            "percentile": sized.percentile,
            "tokens_per_second": round(sized.tokens_per_second, 3),
            "requests_per_second": round(sized.requests_per_second, 6),
            "band": self._json_band(sized.band),
            "replayed": _replayed(sized.replay),
        }


def _replayed(replay: Replay | NoReplay | None) -> dict[str, Any] | None:
    match replay:
        case Replay():
            return {"minutes": replay.minutes, "requests": replay.requests}
        case NoReplay():
            return {"minutes": 0, "requests": 0, "because": replay.reason}
    return None


def entity_measurements(observed: Observed) -> dict[str, dict[str, Any]]:
    """Return what `stop_if` of a rollout reads, by served name: the newest hour of rows; empty without served names."""
    newest = max((max(one.minutes) for one in observed.served.values()), default=None)
    if newest is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name, one in observed.served.items():
        recent = [counts for minute, counts in one.minutes.items() if minute > newest - RECENT_MINUTES]
        if not recent:
            continue
        found[name] = {
            "measured_at": moment(newest + 1),
            "window_minutes": RECENT_MINUTES,
            "requests": sum(requests for requests, _ in recent),
            "errors": sum(errors for _, errors in recent),
        }
        times = sorted(seconds for at, seconds in one.ttfts if at >= (newest + 1 - RECENT_MINUTES) * 60)
        if len(times) >= LEAST_TIMES:
            found[name] |= {"ttft_seconds": round(percentile(times, 95), 6), "percentile": 95}
    return found


def moment(minute: int) -> str:
    """Return a minute since 1970 as 2026-11-22T12:00:00Z."""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)
