"""Logs a benchmark to MLflow, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from bandplan.cli.errors import CommandError

_SECONDS = 120


def log_curve(experiment: str, file: Path) -> str:
    """Log `file` and return a line that names the run. Errors: CommandError with the last line of MLflow's own."""
    command = [sys.executable, "-m", "bandplan.bench.mlflow_run", str(file), experiment]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise CommandError(f"--mlflow: no answer within {_SECONDS} s; look at MLFLOW_TRACKING_URI") from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:300]
        raise CommandError(f"--mlflow: not logged: {said}; the curve is in {file}")
    return f"logged to MLflow, experiment {experiment}, run {done.stdout.strip().splitlines()[-1]}"
