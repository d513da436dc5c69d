"""What everything that is created carries: who made it, when, and under which id."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """The user of the workspace, its clock, and a source of ids that no two things share."""

    creator: str
    clock_ms: Callable[[], int]
    new_id: Callable[[], str]
