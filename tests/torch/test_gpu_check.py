"""`make gpu-check` on a CPU with a tiny model, so that it does not break at its first GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)  # four processes import torch
def test_whole_run_checks_and_times_both_ways(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu-check.json").read_text())
    assert len(found["checks"]) == 7
    assert [check for check in found["checks"] if not check["is_right"]] == []
    assert found["notes"] == []
    assert {(one["way"], one["batch"]) for one in found["figures"]} == {
        (way, b) for way in ("direct", "stub") for b in (1, 4)
    }
    assert found["batching"] == {"tiny": "continuous"}
    assert "| tiny | 4 | " in done.stdout
