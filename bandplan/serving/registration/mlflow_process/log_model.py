"""Log a checkpoint with MLflow by the platform's rules (S20 to S24), without loading or copying its weights.

Runs in the separate process (`process.py`): MLflow is imported here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.serving.registration.checks.checkpoint import Checkpoint
from bandplan.serving.registration.checks.release import TASK_ARGUMENT, Release, release
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.registration.sources.staging import is_linked, stage
from bandplan.serving.spec.tasks import TASKS

if TYPE_CHECKING:
    from mlflow.models import Model

MODEL_NAME = "model"
"""Name of the model in its run, as in the platform's samples."""

_TORCH_TYPES = {"BF16": "torch.bfloat16", "F16": "torch.float16", "F32": "torch.float32"}
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def task_arguments(mlflow: Release, task: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of `log_model` that carry the task: its own from MLflow 2.12 on, metadata before (S21)."""
    if mlflow >= TASK_ARGUMENT:
        return {"task": task, "metadata": dict(metadata) or None}
    return {"task": TASKS[task].pipeline, "metadata": {**metadata, "task": task}}


def log_model(
    checkpoint: Checkpoint,
    task: str,
    metadata: Mapping[str, str],
    *,
    workplace: Path,
    without_weights: bool = False,
    registered_model_name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> LoggedModel:
    """Log the checkpoint in the active run, and register it if a name is given; `tags` go to model and version.

    The result is what `mlflow.transformers.log_model(transformers_model=<folder>, ...)` logs. That function would copy
    the whole folder into a temporary one first; here the weights are linked into it instead. `without_weights` leaves
    them out of the run; the complete model then lies in `LoggedModel.folder`, within `workplace`.

    Errors: those of MLflow.
    """
    import mlflow
    import mlflow.transformers
    from mlflow.models import Model

    flavor = _LinkedTransformers(checkpoint, workplace, keeps_weights=not without_weights)
    arguments = task_arguments(release(mlflow.__version__) or TASK_ARGUMENT, task, metadata)
    info = Model.log(
        None,
        flavor,
        name=MODEL_NAME,
        registered_model_name=registered_model_name,
        # Another place waits for READY, where the wait can be cancelled.
        await_registration_for=0,
        metadata=arguments["metadata"],
        tags=dict(tags or {}) or None,
        task=arguments["task"],
        input_example=TASKS[task].input_example,
        torch_dtype=_TORCH_TYPES.get(checkpoint.dtype or ""),
        pip_requirements=requirements(),
        model_card=_model_card(checkpoint),
        # MLflow refuses False for a folder. Its purpose, not copying the weights, is served by the links (S24).
        save_pretrained=True,
        # MLflow would load the model to try the example.
        validate_serving_input=False,
    )
    return LoggedModel(str(info.model_uri), str(info.model_id), flavor.complete, info.registered_model_version)


@dataclass(frozen=True)
class LoggedModel:
    """A model in a run: its URI (models:/m-<id>), its id, the complete folder if one is kept, and the version made."""

    uri: str
    model_id: str
    folder: Path | None
    version: str | None


def requirements() -> list[str]:
    """List the requirements of the served model: transformers as installed, and torch, which this machine may lack."""
    from importlib.metadata import version

    return [f"transformers=={version('transformers')}", "torch", "accelerate"]


class _LinkedTransformers:
    """The transformers flavor of MLflow with weights linked, not copied; `Model.log` calls its `save_model`."""

    __name__ = "mlflow.transformers"

    def __init__(self, checkpoint: Checkpoint, workplace: Path, *, keeps_weights: bool) -> None:
        self._checkpoint = checkpoint
        self._workplace = workplace
        self._keeps_weights = keeps_weights
        self.complete: Path | None = None

    def save_model(self, path: str, mlflow_model: Model, **arguments: Any) -> None:
        """Write what `mlflow.transformers.save_model` writes, completed by links to the weights."""
        folder = Path(path)
        self._save(folder, mlflow_model, **arguments)
        weights = [file for file in self._checkpoint.files if is_linked(file)]
        self._correct(folder, mlflow_model, weights_bytes=sum(file.size_bytes for file in weights))
        if self._keeps_weights:
            stage(weights, folder / "model")
        else:
            self.complete = self._workplace / "complete"
            shutil.copytree(folder, self.complete)
            stage(weights, self.complete / "model")

    def _save(self, folder: Path, mlflow_model: Model, **arguments: Any) -> None:
        import mlflow.transformers

        small = self._workplace / "small"
        stage((file for file in self._checkpoint.files if not is_linked(file)), small)
        arguments.pop("validate_serving_input", None)
        mlflow.transformers.save_model(
            transformers_model=str(small), path=str(folder), mlflow_model=mlflow_model, **arguments
        )

    def _correct(self, folder: Path, mlflow_model: Model, *, weights_bytes: int) -> None:
        """Correct what MLflow could not know: size, name and framework of the model, and its license."""
        mlflow_model.model_size_bytes = (mlflow_model.model_size_bytes or 0) + weights_bytes
        flavor = mlflow_model.flavors["transformers"]
        flavor["source_model_name"] = _name(self._checkpoint)
        if "framework" in flavor:
            # Before transformers 5, MLflow assumes TensorFlow weights on a machine without torch.
            flavor["framework"] = "pt"
        mlflow_model.save(str(folder / "MLmodel"))
        licenses = [file for file in self._checkpoint.files if file.name.upper().startswith("LICENSE")]
        text = f"No license file came with {_name(self._checkpoint)}.\n"
        (folder / "LICENSE.txt").write_text(
            licenses[0].path.read_text(encoding="utf-8", errors="replace") if licenses else text, encoding="utf-8"
        )


def _name(checkpoint: Checkpoint) -> str:
    """Return the model's name on the hub if the checkpoint states it, otherwise the folder's; never a path of this
    machine.
    """
    config = read_object(checkpoint.folder / "config.json") or {}
    name = config.get("_name_or_path")
    return name if isinstance(name, str) and _HUB_NAME.fullmatch(name) else checkpoint.folder.name


def _model_card(checkpoint: Checkpoint) -> Any:
    """Return the checkpoint's README if it is a model card; None makes MLflow write none."""
    path = checkpoint.folder / "README.md"
    if not path.is_file():
        return None
    from huggingface_hub import ModelCard

    try:
        return ModelCard(path.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, TypeError):
        return None
