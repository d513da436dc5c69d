"""What a rule reports about an endpoint or a stack."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["advisory", "mandatory", "disabled"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's finding. `text`: finding, arithmetic, next step.

    A note never stops anything: the rule waits for a number, or abstains.
    """

    text: str
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding as an engine receives it. `message`: the rule's description on the first line, then the finding."""

    policy: str
    urn: str
    message: str
    level: Level


def note(text: str) -> Finding:
    """Return a note that a rule cannot decide yet."""
    return Finding(text, is_note=True)
