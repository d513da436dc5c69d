"""What every created object carries: its creator, time of creation and id."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """The user of the workspace, its clock, and a source of unique ids."""

    creator: str
    clock_ms: Callable[[], int]
    new_id: Callable[[], str]
