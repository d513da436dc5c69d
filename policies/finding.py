"""What a rule says of an endpoint or of a stack."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["advisory", "mandatory", "disabled"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`text`: finding, arithmetic, next step. A note never stops anything: the rule waits for a number, or abstains."""

    text: str
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding as an engine is told of it. `message`: the rule's description on the first line, then the finding."""

    policy: str
    urn: str
    message: str
    level: Level


def note(text: str) -> Finding:
    """A rule cannot judge, and says so."""
    return Finding(text, is_note=True)
