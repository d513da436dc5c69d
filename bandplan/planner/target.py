"""What a load may take: limits on its percentile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What `percentile` percent of the requests may take: seconds from arrival to the end and to the first token, and
    milliseconds per output token after it."""

    latency_seconds: float | None = None
    ttft_seconds: float | None = None
    tpot_ms: float | None = None
    percentile: float = 95.0

    @property
    def limits(self) -> dict[str, float]:
        """The limits in seconds, by name."""
        stated = {
            "latency": self.latency_seconds,
            "ttft": self.ttft_seconds,
            "tpot": None if self.tpot_ms is None else self.tpot_ms / 1000,
        }
        return {name: limit for name, limit in stated.items() if limit is not None}

    def __str__(self) -> str:
        parts = [
            f"{value:g} {words}"
            for value, words in (
                (self.latency_seconds, "s of latency"),
                (self.ttft_seconds, "s to the first token"),
                (self.tpot_ms, "ms per output token"),
            )
            if value is not None
        ]
        listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
        return f"{listed} at p{self.percentile:g}" if parts else "no target"
