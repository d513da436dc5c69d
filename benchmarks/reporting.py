"""Figures as a Markdown table and as JSON, with the ratios that the targets are about."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.cases import Figure

RATIOS = [
    ("our program over the floor", "pulumi, ours, preview of a new stack", "pulumi, floor, preview of a new stack"),
    (
        "our program over the pulumi_databricks one",
        "pulumi, ours, preview of a new stack",
        "pulumi, pulumi_databricks, preview of a new stack",
    ),
    (
        "our program over the pulumi_databricks one without byte code",
        "pulumi, ours, preview of a new stack",
        "pulumi, pulumi_databricks without byte code, preview of a new stack",
    ),
    (
        "embedded engine over pulumi, our program",
        "embedded, preview of a new stack",
        "pulumi, ours, preview of a new stack",
    ),
]
"""(name, case of the numerator, case of the denominator); in wall seconds."""


def table(figures: Sequence[Figure]) -> str:
    """Format one row per case."""
    lines = [
        "| endpoints | case | runs | wall s | CPU s | peak MiB |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for figure in figures:
        sample = figure.sample
        lines.append(
            f"| {figure.endpoints:,} | {figure.case} | {figure.runs} | {sample.wall_seconds:.2f} "
            f"| {sample.cpu_seconds:.2f} | {sample.peak_mib:.0f} |"
        )
    return "\n".join(lines)


def ratio_table(figures: Sequence[Figure]) -> str:
    """Format one row per measured ratio and size."""
    lines = ["| endpoints | ratio of wall seconds | value |", "|---:|---|---:|"]
    wall = {(figure.endpoints, figure.case): figure.sample.wall_seconds for figure in figures}
    for count in sorted({figure.endpoints for figure in figures}):
        for name, above, below in RATIOS:
            if (count, above) in wall and (count, below) in wall:
                lines.append(f"| {count:,} | {name} | {wall[count, above] / wall[count, below]:.2f} |")
    return "\n".join(lines)


def document(figures: Sequence[Figure], machine: dict[str, Any]) -> dict[str, Any]:
    """Return all figures and the machine, for JSON."""
    return {"machine": machine, "figures": [asdict(figure) for figure in figures]}
