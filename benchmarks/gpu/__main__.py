"""`python -m benchmarks.gpu [--output FOLDER]`: check the engine on a GPU, and time it, in less than nine minutes.

Prints a table and writes gpu-check.json. Without a GPU it says so and does nothing. Exit status: 1 if a check fails, 2
if there is a GPU and no torch that sees it. Speed never fails a run.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu.load import Load
from benchmarks.gpu.shapes import LLAMA_1B, LLAMA_8B, TINY, Shape

if TYPE_CHECKING:
    from benchmarks.gpu.report import Figure, Result

MOST_SECONDS = 490.0
"""No measurement begins after that, and a process that takes longer is ended: a run takes less than nine minutes."""

END_SECONDS = 520
"""Whatever is still going on then is abandoned: a driver or a library may hang where nobody looks at the clock."""

BATCHES = (64, 1, 8, 32, 128)
"""The most important one first, in case the time runs out."""

INPUT_TOKENS, OUTPUT_TOKENS = 256, 128


@dataclass(frozen=True)
class Plan:
    """What to measure, and where."""

    device: str
    shapes: tuple[Shape, ...]
    loads: tuple[Load, ...]


FULL = Plan("cuda", (LLAMA_8B, LLAMA_1B), tuple(Load(batch, INPUT_TOKENS, OUTPUT_TOKENS) for batch in BATCHES))
SMALL = Plan("cpu", (TINY,), (Load(4, 16, 24), Load(1, 16, 24)))
"""For machines without a GPU, to see that this program works: its figures say nothing."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--output", type=Path, default=Path("build"), metavar="FOLDER", help="for gpu-check.json")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    # Everything lies in folders of this machine; the engine runs its weights like this, too.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    plan = SMALL if options.tiny else FULL
    reason, status = (None, 0) if options.tiny else why_not()
    if reason is not None:
        print(f"gpu-check did nothing: {reason}")
        return status
    from benchmarks.gpu.report import Result, table

    result = Result(_machine(plan.device))
    with _ended_after(END_SECONDS, result):
        run(plan, result, began)
    result.seconds = round(time.monotonic() - began, 1)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "gpu-check.json"
    path.write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")
    print(f"\n{table(result)}\n{result.seconds:.0f} s; all figures are in {path}")
    return 0 if result.checks and all(check.is_right for check in result.checks) else 1


class TimeIsUp(BaseException):
    """The run takes too long. No Exception, so that nobody takes it for a fault of what is going on."""


@contextmanager
def _ended_after(seconds: int, result: "Result") -> Iterator[None]:
    """Abandon the block after some seconds, or at its first fault; what it has found until then is kept."""

    def end(number: int, frame: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    except TimeIsUp:
        result.notes.append(f"everything after {seconds} s")
    except Exception as error:
        traceback.print_exc()
        result.notes.append(f"everything after {type(error).__name__}: {' '.join(str(error).split())[:200]}")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def why_not() -> tuple[str | None, int]:
    """Return why nothing can be checked here, None if it can; and the exit status for that."""
    has_gpu = shutil.which("nvidia-smi") is not None and _lists_gpu()
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        if not has_gpu:
            return "this machine has no GPU that nvidia-smi lists", 0
        return f"{sys.executable} has no {error.name}; name a Python that has: make gpu-check PYTHON=/path/to/python", 2
    if torch.cuda.is_available():
        return None, 0
    if has_gpu:
        return f"there is a GPU, and torch {torch.__version__} of {sys.executable} does not see it", 2
    return "this machine has no GPU that torch or nvidia-smi sees", 0


def _lists_gpu() -> bool:
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"GPU" in done.stdout


def run(plan: Plan, result: "Result", began: float) -> None:
    """Add what is found to the result; print what is going on. `began` is when the program did."""
    from benchmarks.gpu.correctness import run_checks
    from benchmarks.gpu.direct import bytes_per_second
    from benchmarks.gpu.report import Check

    try:
        for check in run_checks(plan.device):
            _tell(began, f"{'right' if check.is_right else 'WRONG'}: {check.name} ({check.found})")
            result.checks.append(check)
    except Exception as error:
        # The speed of what can be loaded is worth knowing all the same.
        traceback.print_exc()
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        result.checks.append(Check("all checks ran to their end", False, said))
    result.bytes_per_second = bytes_per_second(plan.device)
    _free()
    _tell(began, f"memory: {result.bytes_per_second / 1e9:,.0f} GB/s by copying")
    with tempfile.TemporaryDirectory() as folder:
        for shape in plan.shapes:
            weights = shape.write(Path(folder) / shape.name)
            for figure in _figures(plan, shape, weights, began, result):
                _tell(
                    began,
                    f"{figure.shape}, {figure.batch} at once, {figure.way}: "
                    f"{figure.decoding_tokens_per_second:,.0f} tokens/s, {figure.share_of_bound:.1%} of the bound",
                )
                result.figures.append(figure)


def _figures(plan: Plan, shape: Shape, weights: Path, began: float, result: "Result") -> Iterator["Figure"]:
    from benchmarks.gpu.report import Figure
    from benchmarks.gpu.through_stub import NoStub, measure, stub_python, workspace

    def figure(way: str, load: Load, decoding: float, overall: float) -> Figure:
        bound = shape.bound(load.batch, load.context, result.bytes_per_second)
        return Figure(shape.name, way, load.batch, round(decoding, 1), round(overall, 1), round(decoding / bound, 4))

    for row in _direct(plan, weights, began, result, shape.name):
        load = next(one for one in plan.loads if one.batch == row["batch"])
        yield figure("direct", load, float(row["decoding"]), float(row["overall"]))
    try:
        folder = weights.with_name(f"{shape.name}-stub")
        with workspace(stub_python(_left(began)), folder, weights, _left(began)) as made:
            for load in plan.loads:
                if _left(began) <= 0:
                    result.notes.append(f"{shape.name}, {load.batch} at once through the stub: no time left")
                    continue
                try:
                    speed = measure(made, load, _left(began))
                except NoStub as error:
                    result.notes.append(f"{shape.name} through the stub: {error}")
                    continue
                yield figure("stub", load, speed.decoding, speed.overall)
    except (NoStub, subprocess.TimeoutExpired) as error:
        result.notes.append(f"{shape.name} through the stub: {error}")


def _direct(plan: Plan, weights: Path, began: float, result: "Result", name: str) -> list[dict[str, object]]:
    """Return a row for each load, from a process of its own."""
    loads = json.dumps([[load.batch, load.input_tokens, load.output_tokens] for load in plan.loads])
    command = [sys.executable, "-m", "benchmarks.gpu.direct", str(weights), plan.device, loads]
    try:
        # Half of what is left, so that the way through the workspace has its turn.
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, timeout=max(1.0, _left(began) / 2)
        )
        written, problem = done.stdout, _ended(done.returncode)
    except subprocess.TimeoutExpired as error:
        written = (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        problem = "took too long and was ended"
    rows = [row for line in written.splitlines() if (row := _row(line))]
    for row in rows:
        if "batching" in row:
            result.batching[name] = str(row["batching"])
    if problem:
        result.notes.append(f"{name} direct: the process {problem}")
    return [row for row in rows if "batch" in row]


def _ended(status: int) -> str:
    return "" if status == 0 else f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"


def _row(line: str) -> dict[str, object]:
    """Return the object in a line, {} for any other line."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _machine(device: str) -> dict[str, object]:
    import torch
    import transformers

    name = torch.cuda.get_device_name(0) if device.startswith("cuda") else "CPU"
    return {
        "device": name,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": sys.version.split()[0],
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _free() -> None:
    """Give the memory of the checks back, which is needed for the models."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _left(began: float) -> float:
    return MOST_SECONDS - (time.monotonic() - began)


def _tell(began: float, words: str) -> None:
    print(f"[{time.monotonic() - began:4.0f} s] {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
