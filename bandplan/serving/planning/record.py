"""Recorded optimization info of a project: by workspace on this machine, and in the repository."""

from collections.abc import Mapping
from pathlib import Path

from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.workspace.cache import Cache

FOLDER = Path(".bandplan") / "optimization-info"
"""The record of this machine, relative to the project."""

COMMITTED = Path("stacks") / "optimization-info.json"
"""The file in the repository that an offline run reads if no workspace was ever contacted, as in a fork's CI."""


class ReadOnlyRecord(Cache):
    """The record of this machine for commands that only read: nothing is added to it."""

    def record(self, host: str, answers: Mapping[ModelVersion, OptimizationInfo]) -> None:
        return None


def record_of(root: Path) -> Cache:
    """Return the record of the project at `root`, with its committed file."""
    return Cache(root / FOLDER, committed=root / COMMITTED)


def read_only_record_of(root: Path) -> Cache:
    """Return a read-only view of this machine's record."""
    return ReadOnlyRecord(root / FOLDER)
