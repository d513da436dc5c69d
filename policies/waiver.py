"""Waivers of models.yaml: a rule that does not apply to an endpoint, or to the stack, until a day."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from bandplan.policies.plain import day
from bandplan.wire import endpoint

_ALIKE: Final = 0.9
"""Similarity above that of any two rules' ids."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver; `expires` is the last day on which it holds."""

    policy: str
    reason: str
    owner: str
    expires: date

    def __str__(self) -> str:
        return f"waived until {self.expires.isoformat()} by {self.owner}: {self.reason}"


def dated(waivers: Iterable[endpoint.Waiver]) -> tuple[Waiver, ...]:
    """Return the waivers that have a day; a waiver without one never holds."""
    found = ((waiver, day(waiver.expires)) for waiver in waivers)
    return tuple(
        Waiver(waiver.policy, waiver.reason, waiver.owner, expires) for waiver, expires in found if expires is not None
    )


def waiver_in_force(waivers: Iterable[Waiver], policy: str, today: date) -> Waiver | None:
    """Return the waiver for `policy` that is in force on `today`, or None."""
    return next((waiver for waiver in waivers if waiver.policy == policy and waiver.expires >= today), None)


def expired_waiver(waivers: Iterable[Waiver], policy: str, today: date) -> Waiver | None:
    """Return the waiver for `policy` that expired before `today`, or None."""
    return next((waiver for waiver in waivers if waiver.policy == policy and waiver.expires < today), None)


def mistyped_waiver(waivers: Iterable[Waiver], policy: str) -> Waiver | None:
    """Return a waiver whose policy resembles `policy` without being equal to it, or None."""
    if not waivers:
        return None
    by_policy = {waiver.policy: waiver for waiver in waivers if waiver.policy != policy}
    likely = difflib.get_close_matches(policy, by_policy, n=1, cutoff=_ALIKE)
    return by_policy[likely[0]] if likely else None
