"""One difference from what was deployed, and the verdict on it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The meaning of a field that differs from what was deployed. Only `real` is drift."""

    REAL = "real"
    """Somebody or something changed it since it was deployed."""
    OURS = "own update"
    """An `up` of this stack changed it and is running or was interrupted: the state does not record it yet."""
    PLATFORM_DEFAULT = "platform default"
    """It was not deployed; the platform, or somebody's governance, filled it in, and deployments leave it alone."""
    AUTOSCALER = "autoscaler"
    """How far the platform has scaled the endpoint within what was deployed."""
    UNMANAGED = "not managed"
    """The stack has never managed it, so no deployment changes it: for people to examine."""
    UNVERIFIABLE = "write-only, cannot be verified"
    """It was deployed, and the platform never returns it."""


@dataclass(frozen=True)
class FieldFinding:
    """One field. `deployed` is the state's value, `live` the workspace's; None if there is none."""

    field: str
    verdict: Verdict
    deployed: Any
    live: Any
    note: str = ""


@dataclass(frozen=True)
class Pending:
    """One field whose value in models.yaml differs from the deployed one: a pending change, not drift."""

    field: str
    deployed: Any
    wanted: Any
