"""The memory for weights: GPUs as `nvidia-smi` lists them, else that of this machine; and the size of weights."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GPU_SECONDS = 10.0
"""Time for `nvidia-smi` to answer, which takes a second or two on a machine that has just started."""

WEIGHTS = ("*.safetensors", "*.bin")

MIB = 1024 * 1024

Available = tuple[int | None, str]
"""Memory for weights in MiB, None if it is not known, and what has it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; memory in MiB."""

    name: str
    total_mib: int
    free_mib: int


def too_large(folder: Path, available: Callable[[], Available]) -> str | None:
    """Return why the weights in a folder do not fit, None if they do or it is not known.

    `available` is asked only if there are weights; `available_mib` takes a second or two.
    """
    size = weights_mib(folder)
    room, place = available() if size else (None, "")
    if room is None or size <= room:
        return None
    return f"{folder} has {size:,} MiB of weights, and {place} has {room:,} MiB; name smaller ones"


def weights_mib(folder: Path) -> int:
    """Return the size of the weights in a folder; 0 if it has none."""
    for pattern in WEIGHTS:
        if files := list(folder.glob(pattern)):
            return sum(file.stat().st_size for file in files) // MIB
    return 0


def has_weights(folder: Path) -> bool:
    """Whether there are files of weights in a folder, however small."""
    return any(any(folder.glob(pattern)) for pattern in WEIGHTS)


def available_mib() -> Available:
    """Return the memory for weights and what has it: the largest GPU, else this machine; None if it is not known."""
    if found := gpus():
        largest = max(found, key=lambda gpu: gpu.total_mib)
        return largest.total_mib, f"the GPU ({largest.name})"
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return int(rows["MemAvailable"].split()[0]) // 1024, "this machine, which has no GPU,"
    except (OSError, KeyError, ValueError):
        return None, ""


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that `nvidia-smi` lists; none without that program. Takes a second or two where there is one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, timeout=GPU_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return read_gpus(done.stdout.decode("utf-8", "replace"))


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """Read the lines `name, total, free`; a GPU without memory of its own, or a line of another form, is left out."""
    found = []
    for line in text.splitlines():
        name, _, sizes = line.partition(",")
        total, _, free = sizes.partition(",")
        if total.strip().isdecimal() and free.strip().isdecimal():
            found.append(Gpu(name.strip(), int(total), int(free)))
    return tuple(found)
