"""One thing that is not as it was deployed, and the verdict on it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a field that is not as deployed means. Only `real` is drift."""

    REAL = "real"
    """Somebody or something changed it since it was deployed."""
    OURS = "own update"
    """An `up` of this stack changed it, which is running or was interrupted: the state does not say so yet."""
    PLATFORM_DEFAULT = "platform default"
    """Nothing was deployed for it; the platform, or somebody's governance, filled it in and deploys leave it alone."""
    AUTOSCALER = "autoscaler"
    """How far the platform has scaled the endpoint within what was deployed."""
    UNMANAGED = "not managed"
    """The stack has never managed it, so no deploy touches it: for people to look at."""
    UNVERIFIABLE = "write-only, cannot be verified"
    """It was deployed, and the platform never gives it back."""


@dataclass(frozen=True)
class FieldFinding:
    """One field. `deployed` is what the state holds, `live` what the workspace reports; None: nothing is there."""

    field: str
    verdict: Verdict
    deployed: Any
    live: Any
    note: str = ""


@dataclass(frozen=True)
class Pending:
    """One field that models.yaml wants otherwise than it was deployed: a change that waits, no drift."""

    field: str
    deployed: Any
    wanted: Any
