"""JSON files in a user's folder: bounded in size, and an object or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 64_000_000
"""An arbitrary bound; the index of the largest public checkpoints has a few megabytes."""


def read_object(path: Path) -> dict[str, Any] | None:
    """Read the JSON object in a file; None if it is too large, cannot be read, or is anything else."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
