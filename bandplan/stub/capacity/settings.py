"""Settings for what is not published about an endpoint's capacity. Every default here is ours."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any


class SettingsError(ValueError):
    """The settings are not valid; the message has a line for every problem."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Capacity settings of an endpoint. `solo_speedup`: how many times faster a request is alone in its chunk than in a
    full one. `basis`: whether a published tokens/s counts all tokens or only the output. `starts_chunks` false: no
    further chunk can start. `weights_shared_by`: the requests that share one read of the weights; with fewer, output
    costs more relative to input, and the first token comes sooner. `in_flight_per_50_units`: with 8, a request of
    3500/300 takes as long under full load as one of 2048/256 in a chunk of 980.
    """

    solo_speedup: float = 1.35
    basis: str = "total"
    cache_hit_percent: float = 0.0
    queue_limit: int = 256
    startup_seconds: float = 60.0
    starts_chunks: bool = True
    scale_out_percent: float = 80.0
    scale_out_seconds: float = 30.0
    scale_in_percent: float = 40.0
    scale_in_seconds: float = 300.0
    idle_seconds: float = 1800.0
    burst_factor: float = 2.0
    in_flight_per_50_units: int = 8
    weights_shared_by: int = 64

    def changed(self, wanted: Mapping[str, Any]) -> "Settings":
        """Return these settings updated with `wanted`, where None means the default. Raises SettingsError."""
        problems = []
        taken: dict[str, Any] = {}
        for name, value in wanted.items():
            if name not in DEFAULTS:
                problems.append(f"{str(name)[:80]}: must be one of: {', '.join(DEFAULTS)}.")
                continue
            rule = _broken(name, value)
            if value is None:
                taken[name] = DEFAULTS[name]
            elif rule:
                problems.append(f"{name}: must be {rule}.")
            else:
                taken[name] = value
        if not problems:
            made = replace(self, **taken)
            if made.scale_in_percent >= made.scale_out_percent:
                problems.append("scale_in_percent: must be below scale_out_percent.")
        if problems:
            raise SettingsError("\n".join(problems))
        return made


DEFAULTS: Mapping[str, Any] = asdict(Settings())

RANGES: Mapping[str, tuple[float, float]] = {
    "solo_speedup": (1, 4),
    "cache_hit_percent": (0, 100),
    "queue_limit": (0, 100_000),
    "startup_seconds": (0, 86_400),
    "scale_out_percent": (1, 100),
    "scale_out_seconds": (1, 300),
    "scale_in_percent": (0, 99),
    "scale_in_seconds": (1, 300),
    "idle_seconds": (1, 86_400),
    "burst_factor": (1, 10),
    "in_flight_per_50_units": (1, 1024),
    "weights_shared_by": (1, 1024),
}
INTEGERS = frozenset(field.name for field in fields(Settings) if field.type in (int, "int"))


def _broken(name: str, value: Any) -> str | None:
    """Return the rule that `value` violates, or None."""
    if name == "basis":
        return None if value in ("total", "output") else "total or output"
    if name == "starts_chunks":
        return None if isinstance(value, bool) else "true or false"
    low, high = RANGES[name]
    kinds: tuple[type, ...] = (int,) if name in INTEGERS else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if is_number and low <= value <= high:
        return None
    return f"{'an integer' if name in INTEGERS else 'a number'} from {low:g} to {high:g}"
