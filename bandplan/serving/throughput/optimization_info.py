"""The platform's information about provisioned throughput for one model version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.serving.spec.scalar import MAX_NUMBER
from bandplan.serving.throughput.families import Kind


@dataclass(frozen=True, slots=True, order=True)
class ModelVersion:
    """A registered model version: its three-level name, and its version number in digits."""

    model: str
    version: str


@dataclass(frozen=True, slots=True)
class OptimizationInfo:
    """Whether a version is eligible, its family, and its throughput increment in tokens/s (None: sold in model units).

    `model_unit_chunk_size` is the increment of model units; None if the platform does not report it.

    Sources: get-model-optimization-info, "Provisioned throughput Foundation Model APIs" on docs.databricks.com; the
    increment of units is in the answers for gpt-oss-120b and qwen3-embedding-0-6b (50 each, seen 2026-08).
    """

    optimizable: bool
    model_type: str | None = None
    throughput_chunk_size: int | None = None
    model_unit_chunk_size: int | None = None

    @property
    def sold_in(self) -> Kind:
        """The kind of capacity that the model is sold in."""
        return "model_units" if self.throughput_chunk_size is None else "bands"

    @property
    def increment(self) -> int | None:
        """The increment of that capacity; None if the platform does not report it."""
        return self.throughput_chunk_size or self.model_unit_chunk_size

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> OptimizationInfo:
        """Parse the API's answer; an absent `optimizable` counts as false (S6).

        Errors: ValueError for a chunk that is not a positive whole number.
        """
        model_type = response.get("model_type")
        return cls(
            optimizable=response.get("optimizable") is True,
            model_type=model_type if isinstance(model_type, str) else None,
            throughput_chunk_size=_chunk(response, "throughput_chunk_size"),
            model_unit_chunk_size=_chunk(response, "model_unit_chunk_size"),
        )


def _chunk(response: Mapping[str, Any], key: str) -> int | None:
    chunk = response.get(key)
    if chunk is None:
        return None
    if not _is_positive_whole(chunk):
        raise ValueError(f"{key} is {str(chunk)[:40]}, not a positive whole number")
    return int(chunk)


def _is_positive_whole(number: object) -> bool:
    """Whether the number is a positive integer; 980.0 counts, because JSON has one kind of number."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return False
    return 0 < number < MAX_NUMBER and number == int(number)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer is available, and the reason."""

    reason: str
