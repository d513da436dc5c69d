"""The environment of the process that runs MLflow: one workspace, its token, little output, and little memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bandplan.serving.registration.mlflow_process.tracking import tracking_uri
from bandplan.serving.workspace.address import parse_address

_SETTINGS = {
    # No data about users or models is sent to anyone but the workspace.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # The folder is complete: no look-up on the hub, which would use the folder's name.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_PRINT_MODEL_URLS_ON_CREATION": "false",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    # Upload buffers are returned to the system (glibc) instead of being kept by each thread.
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
}

_OWN_RUNS = ("MLFLOW_RUN_ID", "MLFLOW_ACTIVE_MODEL_ID", "MLFLOW_REGISTRY_URI")
"""Variables with which MLflow would continue somebody else's run, or register elsewhere."""


def process_environment(
    environ: Mapping[str, str], host: str, token: str, temporary: Path, code: Path
) -> dict[str, str]:
    """Return `environ` with `host` and `token` as its only workspace, `temporary` for temporary files and `code`
    importable.

    Other DATABRICKS_ variables, such as a profile or a client secret, are left out: they could take precedence over the
    token. MLFLOW_TRACKING_URI and the experiment variables are the user's to set; without them runs go to the
    workspace.
    """
    kept = {
        name: value for name, value in environ.items() if not name.startswith("DATABRICKS_") and name not in _OWN_RUNS
    }
    is_loopback = parse_address(host).is_loopback
    excluded = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost"]))
    return {
        **kept,
        **_SETTINGS,
        **({"NO_PROXY": excluded, "no_proxy": excluded} if is_loopback else {}),
        "MLFLOW_TRACKING_URI": tracking_uri(kept.get("MLFLOW_TRACKING_URI", ""), is_loopback=is_loopback),
        "MLFLOW_REGISTRY_URI": "databricks-uc",
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_AUTH_TYPE": "pat",
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(code), kept.get("PYTHONPATH")])),
    }
