"""Where models with regional availability can be served, as far as we know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

# The families whose availability the platform's page makes regional.
REGIONAL_FAMILIES = frozenset(("Meta Llama 3.1", "Meta Llama 3.2 1B", "Meta Llama 3.2 3B", "Meta Llama 3.3"))


@dataclass(frozen=True)
class RegionTable:
    """Family names by region, where they were read, and when (year-month-day)."""

    source: str
    read: str
    regions: Mapping[str, frozenset[str]]

    def availability(self, family: str, region: str) -> Literal["available", "unavailable", "unverified"]:
        """`unverified` for a region that the table has no row for."""
        if region.lower() not in self.regions:
            return "unverified"
        return "available" if family in self.regions[region.lower()] else "unavailable"

    def spelled_right(self, region: str) -> str | None:
        """The region of the table that differs in signs and spaces alone, as us_east_1 or East US do."""
        meant = re.sub("[-_ ]", "", region.lower())
        return next((known for known in self.regions if known.replace("-", "") == meant), None)


def shipped_table() -> RegionTable:
    """The table in regions.yaml beside this module."""
    raw = yaml.safe_load((Path(__file__).parent / "regions.yaml").read_text(encoding="utf-8"))
    return RegionTable(
        raw["source"], raw["read"], {name: frozenset(families) for name, families in raw["regions"].items()}
    )
