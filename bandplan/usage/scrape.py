"""One minute of an endpoint as its metrics export tells it. Pure.

Names: "Track and export serving endpoint health metrics" (docs.databricks.com, read 2026-11); gauges are of the last
minute. The export has neither tokens nor times to first token, and counts 4xx answers without telling 429 apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Sample(Protocol):
    """One value of the export."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def value(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Scrape:
    """Counts of the last minute over all served entities; `concurrency` and `gpu_percent` are None if not exported."""

    requests: int
    answered_4xx: int = 0
    answered_5xx: int = 0
    concurrency: float | None = None
    gpu_percent: float | None = None


def scrape_of(exported: Iterable[Sample]) -> Scrape | None:
    """Return the minute of an export; None if it counts no requests, which is a gap and not a minute without any."""
    values: dict[str, list[float]] = {}
    for sample in exported:
        values.setdefault(sample.name, []).append(sample.value)
    if "request_count_total" not in values:
        return None

    def total(name: str) -> int:
        return round(max(0.0, sum(values.get(name, ()))))

    concurrency, gpu = values.get("provisioned_concurrent_requests_total"), values.get("gpu_usage_percentage")
    return Scrape(
        total("request_count_total"),
        total("request_4xx_count_total"),
        total("request_5xx_count_total"),
        sum(concurrency) if concurrency else None,
        max(gpu) if gpu else None,
    )
