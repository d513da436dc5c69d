"""One process from start to exit: wall seconds, CPU seconds, peak memory."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """The cost of one run. `cpu_seconds` includes all child processes that the process waited for.

    `peak_mib` is the largest single process.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


class RunFailed(Exception):
    """A case ended with an error; the message has the end of its output."""


def run(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Sample:
    """Run a command to its end. RunFailed if its exit status is not 0."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            output.seek(0)
            tail = output.read()[-2000:].decode(errors="replace")
            raise RunFailed(f"{' '.join(command)} ended with {child.returncode}:\n{tail}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure separately."""
    return Sample(
        *(
            sorted(getattr(sample, name) for sample in samples)[(len(samples) - 1) // 2]
            for name in ("wall_seconds", "cpu_seconds", "peak_mib")
        )
    )
