"""The regions of the three clouds, and the known availability of models that are limited to some regions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

# The families whose availability the platform's page makes regional.
REGIONAL_FAMILIES = frozenset(("Meta Llama 3.1", "Meta Llama 3.2 1B", "Meta Llama 3.2 3B", "Meta Llama 3.3"))


_LONGEST = 40  # letters of a name to compare; the longest region has 23


@dataclass(frozen=True)
class RegionTable:
    """Family names by region, with their source and the day it was read (year-month-day)."""

    source: str
    read: str
    regions: Mapping[str, frozenset[str]]

    def availability(self, family: str, region: str) -> Literal["available", "unavailable", "unverified"]:
        """Return the availability; `unverified` for a region without a row in the table."""
        if region.lower() not in self.regions:
            return "unverified"
        return "available" if family in self.regions[region.lower()] else "unavailable"


@dataclass(frozen=True)
class RegionNames:
    """The valid names of a region: those that the platform's pages list, and all regions of each cloud."""

    listed: frozenset[str]
    known: frozenset[str]

    def has(self, region: str) -> bool:
        """Whether a cloud has a region of this name, ignoring letter case."""
        return region.lower() in self.known

    def meant(self, region: str) -> str | None:
        """Return the name that is the fewest keystrokes away, ignoring signs and spaces; None if a third changes."""
        written = _squeezed(region)[:_LONGEST]
        ranked = sorted((_keystrokes(written, _squeezed(name)), name not in self.listed, name) for name in self.known)
        fewest, _, name = ranked[0]
        return name if fewest * 3 < max(len(written), 1) else None


def _squeezed(name: str) -> str:
    return re.sub("[-_ ]", "", name.lower())


def _keystrokes(one: str, other: str) -> int:
    """Count the letters to add, remove, replace, or swap with their neighbour to turn one text into the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row_before, row = row, before, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, row_before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]


def shipped_table() -> RegionTable:
    """Read the table in regions.yaml beside this module."""
    raw = _shipped()
    return RegionTable(
        raw["source"], raw["read"], {name: frozenset(families) for name, families in raw["regions"].items()}
    )


def shipped_names() -> RegionNames:
    """Read the names in regions.yaml beside this module."""
    clouds = _shipped()["names"]
    listed = _words(cloud["listed"] for cloud in clouds)
    return RegionNames(listed, listed | _words(cloud["others"] for cloud in clouds))


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


def _shipped() -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "regions.yaml").read_text(encoding="utf-8"))
    return raw
