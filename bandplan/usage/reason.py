"""Why a band is kept or changed: a code for programs, and the sentence that explains it."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Reason codes; the trail has them, so a code keeps its meaning."""

    # up
    CEILING_BELOW_USE = "ceiling-below-use"
    FLOOR_BELOW_USE = "floor-below-use"
    REFUSALS = "refusals"
    # down
    ABOVE_USE = "above-use"
    STEP_LIMIT = "step-limit"
    NEVER_BELOW = "never-below"
    DECLARED_DEMAND = "declared-demand"
    # hold
    FITS = "fits"
    MINIMUM_CHANGE = "minimum-change"
    NOT_LONG_ENOUGH = "not-long-enough"
    RECENTLY_CHANGED = "recently-changed"
    WAIVER = "waiver"
    SLOW = "slow"
    FAILURES = "failures"
    # abstain
    NO_DATA = "no-data"
    NO_TOKENS = "no-tokens"
    FEW_SAMPLES = "few-samples"
    SHORT_WINDOW = "short-window"
    LOW_PERCENTILE = "low-percentile"
    OLD = "old"
    LOAD_CHANGED = "load-changed"
    ROWS_MISSING = "rows-missing"
    NO_CAPACITY = "no-capacity"
    NOT_SIZED_HERE = "not-sized-here"


@dataclass(frozen=True, slots=True)
class Reason:
    code: Code
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.code})"
