"""Versions of MLflow and of the Databricks Runtime, by their first two numbers, and each route's minimum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Route = Literal["provisioned_throughput", "legacy"]

Release = tuple[int, int]

LEAST_MLFLOW: Mapping[Route, Release] = {"provisioned_throughput": (2, 11), "legacy": (2, 4)}
LEAST_RUNTIME: Mapping[Route, Release] = {"provisioned_throughput": (15, 0), "legacy": (13, 2)}
"""The oldest Databricks Runtime ML. Sources of both: "Provisioned throughput Foundation Model APIs" and "Optimized LLM
serving", docs.databricks.com (S22).
"""

TASK_ARGUMENT: Release = (2, 12)
"""First MLflow whose `log_model` takes the task as an argument; before, the task is in the metadata (S21)."""

_NUMBERS = re.compile(r"(\d{1,6})\.(\d{1,6}|x)")


def release(text: object) -> Release | None:
    """Return the first two numbers of a version such as 2.12.1, 3.11.0rc1 or 15.4.x-cpu-ml-scala2.12; None without
    them.
    """
    found = _NUMBERS.match(text) if isinstance(text, str) else None
    if found is None or found[2] == "x":
        return None
    return int(found[1]), int(found[2])


def written(least: Release) -> str:
    return f"{least[0]}.{least[1]}"
