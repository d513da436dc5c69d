"""Time bandplan on this machine: `python -m benchmarks [--sizes 1,100,1000] [--repeats 3] [--output FOLDER]`.

Writes `figures.json` and `figures.md` into the output folder and prints the tables. With `pulumi` on PATH its figures
and the peers' are taken in the same run.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench_project import bench_project
from benchmarks.cases import Figure, embedded, in_warm_process, under_pulumi, with_latency_targets
from benchmarks.reporting import document, ratio_table, table
from benchmarks.reports import report_on_change

UP_LIMIT = 100
"""Largest fleet for which `up` under pulumi is timed too: it takes more than a minute at 1,000."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,100,1000", help="numbers of endpoints to measure")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each case; the median is shown")
    parser.add_argument("--output", type=Path, default=Path(".bandplan") / "benchmarks")
    parser.add_argument("--without-pulumi", action="store_true", help="measure only the embedded engine")
    arguments = parser.parse_args()
    with_pulumi = shutil.which("pulumi") is not None and not arguments.without_pulumi
    if not with_pulumi:
        print("without `pulumi`: only the embedded engine is timed", file=sys.stderr)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (int(size) for size in arguments.sizes.split(",")):
            repeats = arguments.repeats if count < 1000 else min(arguments.repeats, 2)
            with bench_project(Path(folder) / str(count), count) as project:
                if with_pulumi:
                    figures += under_pulumi(project, count, repeats, count <= UP_LIMIT, _say)
                figures += embedded(project, count, repeats, _say)
                if sys.platform == "linux":
                    figures += in_warm_process(project, count, repeats, _say)
                if count <= UP_LIMIT:
                    figures += with_latency_targets(project, count, repeats, _say)
                figures += report_on_change(project, count, arguments.repeats, _say)
    text = f"{table(figures)}\n\n{ratio_table(figures)}\n"
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "figures.md").write_text(text)
    (arguments.output / "figures.json").write_text(json.dumps(document(figures, machine()), indent=2) + "\n")
    print(text)


def machine() -> dict[str, Any]:
    """Return what the figures depend on, including how fast one core of this machine is right now."""
    began = time.perf_counter()
    total = 0
    for number in range(5_000_000):
        total += number
    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cores": os.cpu_count(),
        "seconds_for_5_million_additions": round(time.perf_counter() - began, 3),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
