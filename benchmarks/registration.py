"""Measure the cost of registering a checkpoint: `python -m benchmarks.registration [--gigabytes 2]`.

Each case is one process, as a deployment starts it, against a stub workspace on loopback: seconds from its start to
READY, its CPU seconds, its largest resident memory, and the most disk space of its temporary folder. Weights are
sparse.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bandplan.serving.registration.mlflow_process.environment import process_environment
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.process import COMMAND
from bandplan.stub import process
from tests.checkpoints import write_llama, write_sparse_llama

ROOT = Path(__file__).resolve().parents[1]
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds, and the peaks of memory and of temporary disk in MiB."""

    wall_seconds: float
    cpu_seconds: float
    memory_mebibytes: int
    disk_mebibytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the large checkpoint")
    size_bytes = int(parser.parse_args().gigabytes * 10**9)
    print("| checkpoint | wall s | CPU s | peak memory MiB | temporary disk MiB |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with workspace(folder / "stub") as running:
            tiny = write_llama(folder / "tiny")
            show("tiny", cost_of(running, tiny, folder / "t0"))
            for shards in (1, 4):
                large = write_sparse_llama(folder / f"large-{shards}", size_bytes=size_bytes, shards=shards)
                title = f"{size_bytes / 10**9:g} GB in {shards} file{'s' if shards > 1 else ''}"
                show(title, cost_of(running, large, folder / f"t{shards}"))
            show(f"{title}, weights not in the run", cost_of(running, large, folder / "t5", reference_weights=True))


@contextmanager
def workspace(folder: Path) -> Iterator[process.Running]:
    try:
        yield process.start(folder)
    finally:
        process.stop(folder)


def cost_of(running: process.Running, folder: Path, temporary: Path, *, reference_weights: bool = False) -> Cost:
    """Register `folder` once more and return the cost; `temporary` is a folder to create."""
    temporary.mkdir()
    job = Job(
        "checkpoint",
        folder.name,
        folder.name,
        str(folder),
        f"ml.chat.{folder.name.replace('-', '_')}_{temporary.name}",
        digest="sha256:0",
        attempt_id="benchmark",
        task="llm/v1/chat",
        reference_weights=reference_weights,
    )
    environ = process_environment(os.environ, running.host, running.token, temporary, ROOT)
    started = time.monotonic()
    child = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    )
    assert child.stdin is not None and child.stdout is not None
    with watched_disk(temporary) as disk, child.stdin, child.stdout:
        child.stdin.write(job.to_line())
        child.stdin.flush()
        events = [Event.from_line(line) for line in child.stdout]
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    last = events[-1] if events else None
    if last is None or last.kind != "done":
        raise SystemExit(f"{folder.name}: {last}")
    wall = time.monotonic() - started
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024, max(disk) // MEBIBYTE)


@contextmanager
def watched_disk(folder: Path) -> Iterator[list[int]]:
    """Sample the bytes on disk under a folder while the body runs; links count as links."""
    taken, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            total = 0
            for parent, _, names in os.walk(folder):
                for name in names:
                    try:
                        total += os.lstat(os.path.join(parent, name)).st_blocks * 512
                    except OSError:
                        continue
            taken.append(total)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()


def show(title: str, cost: Cost) -> None:
    seconds = f"{cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f}"
    print(f"| {title} | {seconds} | {cost.memory_mebibytes} | {cost.disk_mebibytes} |", flush=True)


if __name__ == "__main__":
    main()
