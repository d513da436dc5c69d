"""The formats of the files that outlive a version of bandplan, as this version writes them.

`bandplan upgrade` compares them with those of another version. docs/upgrading.md says what is read for how long; a test
compares the numbers with those of the rooms that write the files.
"""

from collections.abc import Mapping
from typing import Final

FORMATS: Final[Mapping[str, int]] = {
    "models.yaml": 1,
    "the state (Pulumi checkpoint)": 3,
    "endpoints in the state": 1,
    "saved plans (`preview --save-plan`)": 1,
    "recorded optimization info": 1,
    "reports (`report --json`)": 1,
    "drift (`drift --json`)": 1,
    "measured use": 2,
    "benchmarks (bench.json)": 1,
    "the local workspace": 1,
}


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return one line for each format that differs, in the order of `after`."""
    lines = [
        f"{name}: format {before[name]} becomes {number}" if name in before else f"{name}: new, format {number}"
        for name, number in after.items()
        if before.get(name) != number
    ]
    return [*lines, *(f"{name}: no longer written" for name in before if name not in after)]
