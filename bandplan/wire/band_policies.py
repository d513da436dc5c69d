"""What a stack's policies require of a band, from the configuration of the policy pack.

The pack checks a band once it is sized; code that suggests a band earlier uses the same limits, so that following the
suggestion violates no policy. Ids, levels and defaults are the pack's, which a test compares.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

OVER: Final = "over-provisioned"
UNDER: Final = "under-provisioned"
FLOOR: Final = "floor-zero-in-prod"
BUDGET: Final = "stack-budget"

_OVER_PERCENT: Final = 20
_STEADY_PERCENT: Final = 50


@dataclass(frozen=True, slots=True)
class BandPolicies:
    """Limits of one stack; None, or False, for a policy that is off.

    `headroom_percent` is the most above the demand, `steady_percent` the part of the demand that a floor covers.
    `budget` is the most that all ceilings of the stack together may reach, in tokens/s.
    """

    headroom_percent: Fraction | None = None
    steady_percent: Fraction | None = None
    has_floor: bool = False
    budget: Fraction | None = None

    def without(self, waived: Collection[str]) -> "BandPolicies":
        """Return these limits without those of waived policies."""
        return BandPolicies(
            None if OVER in waived else self.headroom_percent,
            None if UNDER in waived else self.steady_percent,
            self.has_floor and FLOOR not in waived,
            None if BUDGET in waived else self.budget,
        )

    def most_chunks(
        self, demand_tokens_per_second: Fraction, chunk_tokens_per_second: int, planned: int | None = None
    ) -> int | None:
        """Return the highest allowed ceiling, in chunks; None if nothing limits it.

        It is at least `planned`, the ceiling that a latency target needs.
        """
        if self.headroom_percent is None or not demand_tokens_per_second:
            return None
        wanted = demand_tokens_per_second * (100 + self.headroom_percent) / 100
        return max(planned or 0, _chunks(wanted, chunk_tokens_per_second))

    def affordable_chunks(self, chunk_tokens_per_second: int) -> int | None:
        """Return the highest ceiling that the budget of the whole stack buys, in chunks; None without a budget."""
        return None if self.budget is None else int(self.budget // chunk_tokens_per_second)

    def least_chunks(
        self, demand_tokens_per_second: Fraction, chunk_tokens_per_second: int, planned: int | None = None
    ) -> int:
        """Return the lowest allowed floor, in chunks; 0 if nothing requires one.

        `planned`, the floor that a latency target needs, takes the place of the steady part of the demand.
        """
        least = 1 if self.has_floor else 0
        if self.steady_percent and demand_tokens_per_second:
            steady = _chunks(demand_tokens_per_second * self.steady_percent / 100, chunk_tokens_per_second)
            least = max(least, steady if planned is None else planned)
        return least


NO_POLICIES: Final = BandPolicies()


def read_band_policies(configuration: Any) -> BandPolicies:
    """Return the limits of a stack's configuration, None for none; values that the pack refuses are ignored."""
    given = configuration if isinstance(configuration, Mapping) else {}
    return BandPolicies(
        _number(given, OVER, "headroom_percent", _OVER_PERCENT),
        _number(given, UNDER, "steady_percent", _STEADY_PERCENT),
        _is_on(given, FLOOR),
        _number(given, BUDGET, "tokens_per_second", None),
    )


def band_policies_of(root: Path, stack: str) -> BandPolicies:
    """Return the limits of a stack of the project at `root`; none if it has no policy pack.

    An unreadable configuration is ignored: running the pack refuses it.
    """
    if not (root / "policies" / "PulumiPolicy.yaml").is_file():
        return NO_POLICIES
    try:
        text = (root / "stacks" / f"policies.{stack.rsplit('/', 1)[-1]}.json").read_text(encoding="utf-8")
        return read_band_policies(json.loads(text))
    except (OSError, ValueError, RecursionError):
        return read_band_policies(None)


def _number(given: Mapping[str, Any], rule: str, name: str, default: int | None) -> Fraction | None:
    if not _is_on(given, rule):
        return None
    properties = given.get(rule)
    value = properties.get(name, default) if isinstance(properties, Mapping) else default
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**9:
        return Fraction(str(value))
    return None if default is None else Fraction(default)


def _is_on(given: Mapping[str, Any], rule: str) -> bool:
    return bool((_level(given.get(rule)) or _level(given.get("all"))) != "disabled")


def _level(value: Any) -> Any:
    return value.get("enforcementLevel") if isinstance(value, Mapping) else value


def _chunks(tokens_per_second: Fraction, chunk_tokens_per_second: int) -> int:
    return max(1, -(-tokens_per_second.numerator // (tokens_per_second.denominator * chunk_tokens_per_second)))
