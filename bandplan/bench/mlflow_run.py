"""Log a curve to MLflow: `python -m bandplan.bench.mlflow_run FILE EXPERIMENT`. Importing MLflow costs seconds.

Levels are steps: the metric `output_tokens_per_second` at step 8 is that of 8 in flight. Prints the run's id.
"""

import json
import sys
from pathlib import Path
from typing import Any


def metrics_of(point: dict[str, Any]) -> dict[str, float]:
    """Return the figures of one level by name."""
    found = {}
    for name in ("output_tokens_per_second", "total_tokens_per_second", "attainment"):
        if point.get(name):
            found[name] = point[name]["value"]
    for name in ("requests_per_second", "goodput_requests_per_second"):
        if point.get(name) is not None:
            found[name] = point[name]
    for kind in ("ttft", "tpot", "itl", "latency", "scheduled_latency"):
        distribution = point.get(f"{kind}_seconds") or {}
        for figure in ("p50", "p95", "p99"):
            if distribution.get(figure):
                found[f"{figure}_{kind}_seconds"] = distribution[figure]["value"]
        if distribution.get("mean") is not None:
            found[f"mean_{kind}_seconds"] = distribution["mean"]
    return found


def main(file: str, experiment: str) -> int:
    try:
        import mlflow
    except ModuleNotFoundError:
        print("MLflow is not installed; run `pip install 'bandplan[register]'`", file=sys.stderr)
        return 1

    document = json.loads(Path(file).read_text(encoding="utf-8"))
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name=f"bench {document['endpoint']['name']}") as run:
        load = document["load"]
        mlflow.log_params(
            {
                "endpoint": document["endpoint"]["name"],
                "model": document["endpoint"].get("model"),
                "mode": load["mode"],
                "input_tokens": (load.get("input_tokens") or {}).get("mean"),
                "output_tokens": (load.get("output_tokens") or {}).get("mean"),
                "seed": document.get("seed"),
                "plateau": document.get("plateau"),
            }
        )
        for place, point in enumerate(document["curve"]):
            step = point.get("parallel")
            mlflow.log_metrics(metrics_of(point), step=place if step is None else int(step))
        mlflow.log_artifact(file)
        print(run.info.run_id)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
