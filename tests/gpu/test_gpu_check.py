"""`make gpu-check` without a GPU: the arithmetic of its figures, and what it says where it can do nothing."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu.__main__ import _ended_after, _row
from benchmarks.gpu.load import Load, speed_of
from benchmarks.gpu.report import Check, Figure, Result, shares, table
from benchmarks.gpu.shapes import LLAMA_1B, LLAMA_8B, Shape

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("shape", "weights_gb", "cache_bytes"),
    [
        # 2 bytes x (32 layers x (4096 x 128 x 80 + 3 x 4096 x 14336 + 8192) + 4096 + 128256 x 4096) = 15.0 GB
        (LLAMA_8B, 15.0, 131_072),  # 2 bytes x 2 x 32 layers x 8 heads x 128
        (LLAMA_1B, 2.5, 32_768),  # 2 bytes x 2 x 16 layers x 8 heads x 64
    ],
)
def test_a_step_reads_the_weights_once_and_every_token_of_the_answers(
    shape: Shape, weights_gb: float, cache_bytes: int
) -> None:
    assert shape.read_bytes / 1e9 == pytest.approx(weights_gb, abs=0.05)
    assert shape.cache_bytes_per_token == cache_bytes


@pytest.mark.parametrize(
    ("shape", "batch", "tokens_per_second"),
    # (W + batch x 640 x cache) / 4.3 TB/s is the time of a step: 15.01 GB + 1 x 84 MB in 3.51 ms for the first.
    [(LLAMA_8B, 1, 285), (LLAMA_8B, 64, 13_504), (LLAMA_8B, 128, 21_377), (LLAMA_1B, 1, 1_725), (LLAMA_1B, 64, 72_152)],
)
def test_bound_is_what_the_memory_can_read(shape: Shape, batch: int, tokens_per_second: float) -> None:
    assert shape.bound(batch, 640, 4.3e12) == pytest.approx(tokens_per_second, rel=0.01)


def test_speed_is_taken_while_all_answers_are_being_generated() -> None:
    # The second answer begins at 2.0; from then to 4.0, the end of the first, there are 2 + 2 tokens in 2 s.
    speed = speed_of(0.0, [[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]])
    assert speed.decoding == pytest.approx(2.0)
    assert speed.overall == pytest.approx(8 / 5)


def test_answers_that_do_not_overlap_have_only_an_overall_speed() -> None:
    speed = speed_of(0.0, [[1.0, 2.0], [3.0, 4.0]])
    assert speed.decoding == speed.overall == pytest.approx(1.0)


def test_prompts_of_one_load_differ_from_their_first_word_on() -> None:
    load = Load(8, 20, 10)
    prompts = [load.prompt(number) for number in range(8)]
    assert len({prompt.split()[0] for prompt in prompts}) == 8
    assert {len(prompt.split()) for prompt in prompts} == {20}
    assert load.context == 25


def result(stub_at_64: float) -> Result:
    figures = [
        Figure("8B", "direct", 64, 1000.0, 900.0, 0.07),
        Figure("8B", "stub", 64, stub_at_64, 800.0, 0.06),
        Figure("8B", "direct", 1, 40.0, 39.0, 0.14),
    ]
    return Result(
        {"device": "x"}, 4.3e12, [Check("a", False, "3 of 60 tokens")], figures, {"8B": "continuous"}, ["1B: y"]
    )


@pytest.mark.parametrize(("stub", "verdict"), [(900.0, "reaches"), (899.0, "MISSES")])
def test_report_says_what_arrives_through_the_stub(stub: float, verdict: str) -> None:
    made = result(stub)
    assert shares(made.figures) == {"8B": {64: round(stub / 1000, 3)}}
    lines = table(made).splitlines()
    assert lines[0] == "WRONG: a (3 of 60 tokens)"
    assert f"| 8B | 64 | 1,000 | 7.0% | {stub:,.0f} | 6.0% | 90% |" in lines
    assert "| 8B | 1 | 40 | 14.0% | - | - | - |" in lines
    assert f"8B at 64 {verdict} the goal of 90% through the stub" in lines
    assert "left out: 1B: y" in lines
    assert json.loads(json.dumps(made.as_json()))["stub_share"] == {"8B": {"64": round(stub / 1000, 3)}}


def test_warm_up_is_the_same_load_with_short_answers() -> None:
    assert Load(64, 256, 128).warm_up == Load(64, 256, 8)
    assert Load(1, 5, 3).warm_up == Load(1, 5, 3)


@pytest.mark.parametrize(
    ("fault", "note"),
    [
        (RuntimeError("CUDA error:\n out"), "everything after RuntimeError: CUDA error: out"),
        (None, "everything after 60 s"),
    ],
)
def test_what_was_found_before_a_fault_or_the_end_of_the_time_is_kept(fault: Exception | None, note: str) -> None:
    made = Result({"device": "x"})
    with _ended_after(60, made):
        made.checks.append(Check("a", True, ""))
        if fault is not None:
            raise fault
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
        os.kill(os.getpid(), signal.SIGALRM)  # as at the end of the time
        time.sleep(60)
    assert (len(made.checks), made.notes) == (1, [note])


def test_lines_that_are_no_rows_are_passed_over() -> None:
    assert [_row(line) for line in ('{"batch": 1}', "{warning}", "[1]", "")] == [{"batch": 1}, {}, {}, {}]


def run(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--output", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_machine_without_a_gpu_is_told_so_and_nothing_is_written(tmp_path: Path) -> None:
    done = run(tmp_path / "out", path="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gpu-check did nothing: this machine has no GPU that ")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="this environment has torch")
def test_gpu_without_torch_is_a_mistake_with_its_remedy(tmp_path: Path) -> None:
    listing = tmp_path / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200'\n")
    listing.chmod(0o755)
    done = run(tmp_path / "out", path=str(tmp_path))
    assert done.returncode == 2
    assert "has no torch; name a Python that has: make gpu-check PYTHON=/path/to/python" in done.stdout
