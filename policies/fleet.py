"""A stack's fleet as the rules see it: the outputs of the component `bandplan:index:Fleet`, and the stack's own.

Tokens per second are input and output tokens together. A number is None while it depends on an unregistered version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.policies.waiver import Waiver, dated
from bandplan.wire.endpoint import read_waivers
from bandplan.wire.fleet import EndpointRow, Share, read_rows, read_shares

__all__ = ["EndpointRow", "Fleet", "Share", "read_fleet", "total"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """A stack. `endpoints` is None if the stack has no such output."""

    shares: tuple[Share, ...]
    endpoints: tuple[EndpointRow, ...] | None
    waivers: tuple[Waiver, ...]


def read_fleet(outputs: Mapping[str, Any], stack_outputs: Mapping[str, Any]) -> Fleet:
    """Return the fleet in the outputs of its component and of the stack."""
    endpoints = read_rows(stack_outputs["endpoints"]) if "endpoints" in stack_outputs else None
    return Fleet(read_shares(outputs), endpoints, dated(read_waivers(outputs)))


def total(amounts: Iterable[int | None]) -> int:
    """Return the sum of the known amounts."""
    return sum(amount for amount in amounts if amount is not None)
