"""The MLmodel file of a logged model: whether the platform can serve the model, and for which task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandplan.serving.registration.checks.architecture import unavailable
from bandplan.serving.registration.checks.release import (
    LEAST_MLFLOW,
    LEAST_RUNTIME,
    TASK_ARGUMENT,
    Release,
    Route,
    release,
    written,
)
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.adapter import MERGE
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.lfs_pointer import START_BYTES, starts_pointer
from bandplan.serving.spec.problem import clipped
from bandplan.serving.spec.tasks import EMBEDDINGS, LEGACY, NAMES, TASKS

MOST_BYTES = 4_000_000
MOST_DEPTH = 64
"""Arbitrary bounds; a long signature makes some ten thousand bytes, and a resource list some ten levels."""

_PT = "docs.databricks.com: Provisioned throughput Foundation Model APIs"
_LEGACY = "docs.databricks.com: Optimized LLM serving"


@dataclass(frozen=True)
class MLmodel:
    """The content of an MLmodel file; None for what it does not state.

    `inference_task` is the one given to `log_model` as an argument, `metadata_task` the one in the metadata; MLflow
    from 2.12 on writes both. `model_binary` is the folder of config and weights, `components` are the parts of the
    pipeline that lie in folders of their own. `fetched_from` names the location of the weights if they are not in the
    folder.
    """

    shown: str
    mlflow_version: str | None = None
    databricks_runtime: str | None = None
    is_transformers: bool = False
    flavors: tuple[str, ...] = ()
    inference_task: str | None = None
    metadata_task: str | None = None
    model_type: str | None = None
    architecture: str = ""
    model_binary: str | None = None
    components: tuple[str, ...] = ()
    has_adapter: bool = False
    fetched_from: str | None = None
    has_inputs: bool = False
    has_outputs: bool = False

    @property
    def task(self) -> str | None:
        """The task that the platform serves: the argument's, otherwise the metadata's."""
        return self.inference_task or self.metadata_task

    @property
    def model_folder(self) -> str:
        """The folder of config and weights; MLflow before 2.4.1 did not record it, and wrote into `pipeline`."""
        return self.model_binary or "pipeline"

    @property
    def has_weights(self) -> bool:
        """Whether the weights are logged with the model: all of them, and not an adapter or a reference."""
        return not self.has_adapter and self.fetched_from is None


def read_mlmodel(path: Path, shown: str) -> MLmodel:
    """Read the MLmodel file at `path`, which the user knows as `shown`.

    Errors: RegistrationError when it cannot be read, is too large, or is not the YAML of a model.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RegistrationError(f"{shown}: larger than {MOST_BYTES:,} bytes, so it is not an MLflow MLmodel file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistrationError(f"{shown}: cannot be read as text: {error}") from error
    if starts_pointer(text[:START_BYTES].encode()):
        raise RegistrationError(f"{shown}: is a Git LFS pointer, not the file; run `git lfs pull`")
    return parse_mlmodel(text, shown)


def parse_mlmodel(text: str, shown: str) -> MLmodel:
    """Parse the text of an MLmodel file. Errors: RegistrationError if it is not the YAML of a model."""
    document = _load(text, shown)
    flavors = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(flavors, dict):
        raise RegistrationError(f"{shown}: has no flavors, so it is not a model's MLmodel file; log the model again")
    transformers = _mapping(flavors.get("transformers"))
    metadata, signature = _mapping(document.get("metadata")), _mapping(document.get("signature"))
    return MLmodel(
        shown,
        mlflow_version=_text(document.get("mlflow_version")),
        databricks_runtime=_text(document.get("databricks_runtime")),
        is_transformers="transformers" in flavors,
        flavors=tuple(sorted(map(str, flavors))),
        inference_task=_text(transformers.get("inference_task")),
        metadata_task=_text(metadata.get("task")),
        model_type=_text(metadata.get("model_type")),
        architecture=_text(transformers.get("pipeline_model_type")) or "",
        model_binary=_text(transformers.get("model_binary")),
        components=_components(transformers),
        has_adapter=bool(transformers.get("peft_adaptor")),
        fetched_from=_fetched_from(transformers),
        has_inputs=bool(signature.get("inputs")),
        has_outputs=bool(signature.get("outputs")),
    )


def findings(
    model: MLmodel,
    task: str | None = None,
    route: Route = "provisioned_throughput",
    model_type: str | None = None,
) -> tuple[SourceFinding, ...]:
    """Report everything against serving the model on a route (S20 to S23), for the requested task and model_type."""
    return (
        *_age(model, route),
        *_flavor(model),
        *unavailable(model.architecture, model.shown),
        *_weights(model),
        *_task(model, task, route),
        *_signature(model),
        *_model_type(model, model_type),
    )


def _weights(model: MLmodel) -> Iterator[SourceFinding]:
    """Refuse a model whose weights MLflow would fetch at registration, from a path or name that this machine may not
    reach.
    """
    rule = "a served model must be logged with its weights"
    if model.has_adapter:
        yield SourceFinding(model.shown, "it holds only the weights of an adapter (peft_adaptor)", rule, MERGE)
    elif model.fetched_from is not None:
        yield SourceFinding(
            model.shown,
            f"holds no weights, only a reference: {clipped(model.fetched_from, 200)}",
            rule,
            "call mlflow.transformers.persist_pretrained_model on it first, or log it with its weights "
            "(save_pretrained=True)",
        )


def _model_type(model: MLmodel, wanted: str | None) -> Iterator[SourceFinding]:
    """Check S23: an embedding model was logged with its type, and that is the requested one."""
    rule = f"S23: an embedding model is logged with its own model_type ({_PT})"
    if model.model_type is None and model.task == EMBEDDINGS:
        step = 'log it again with metadata={"model_type": "gte-large"} and the model\'s own type'
        yield SourceFinding(model.shown, "metadata has no model_type", rule, step)
    elif model.model_type is not None and wanted is not None and wanted.casefold() != model.model_type.casefold():
        finding = f"logged with model_type {clipped(model.model_type, 80)}, and {clipped(wanted, 80)} is requested"
        yield SourceFinding(
            model.shown, finding, rule, f"write model_type: {clipped(model.model_type, 80)}, or leave it out"
        )


def _age(model: MLmodel, route: Route) -> Iterator[SourceFinding]:
    """Check S22: MLflow's version decides; the runtime's only if it stands for one, or if the route accepts either."""
    least, least_runtime = LEAST_MLFLOW[route], LEAST_RUNTIME[route]
    mlflow, runtime = release(model.mlflow_version), release(model.databricks_runtime)
    takes_either = route == "legacy"
    if mlflow is not None and (mlflow >= least or (takes_either and runtime is not None and runtime >= least_runtime)):
        return
    if mlflow is None and runtime is not None and runtime >= least_runtime:
        return
    rule = _age_rule(route, least, least_runtime)
    if mlflow is None and runtime is None:
        finding = "neither mlflow_version nor databricks_runtime is recorded"
    elif mlflow is None:
        finding = f"logged on Databricks Runtime {model.databricks_runtime}"
    else:
        finding = f"logged with MLflow {model.mlflow_version}"
    runtime_too = f", or on Databricks Runtime {written(least_runtime)} ML or newer"
    newer = least if takes_either else max(least, TASK_ARGUMENT)
    step = f"log the model again with MLflow {written(newer)} or newer{runtime_too}"
    yield SourceFinding(model.shown, finding, rule, step)


def _age_rule(route: Route, least: Release, least_runtime: Release) -> str:
    if route == "legacy":
        return (
            f"S22: legacy serving takes models logged with MLflow {written(least)} or newer, or on "
            f"Databricks Runtime {written(least_runtime)} ML or newer ({_LEGACY})"
        )
    return f"S22: provisioned throughput takes models logged with MLflow {written(least)} or newer ({_PT})"


def _flavor(model: MLmodel) -> Iterator[SourceFinding]:
    if not model.is_transformers:
        yield SourceFinding(
            model.shown,
            f"its flavors are {clipped(', '.join(model.flavors), 200) or 'none'}",
            f"S20: a served model must be logged in the transformers flavor ({_PT})",
            "log it with mlflow.transformers.log_model, or `bandplan log-model`",
        )


def _task(model: MLmodel, wanted: str | None, route: Route) -> Iterator[SourceFinding]:
    """Check S21: one of three tasks, at the place for its MLflow version, and the requested one."""
    if not model.is_transformers:
        return
    takes_argument = (release(model.mlflow_version) or TASK_ARGUMENT) >= TASK_ARGUMENT and route != "legacy"
    task = (model.inference_task if takes_argument else None) or model.metadata_task
    place = 'task="llm/v1/..."' if takes_argument else 'metadata={"task": "llm/v1/..."}'
    rule = f"S21: a model is logged for one of {NAMES} ({_PT})"
    if route == "legacy":
        rule = f"S21: legacy serving answers {LEGACY} only ({_LEGACY})"
    if task is None:
        yield SourceFinding(model.shown, "no task is recorded", rule, f"log it again with {place}")
        return
    if task not in TASKS or (route == "legacy" and task != LEGACY):
        yield SourceFinding(model.shown, f"its task is {clipped(task, 80)}", rule, f"log it again with {place}")
        return
    if takes_argument and model.inference_task is None:
        yield SourceFinding(
            model.shown,
            "the task is only in the metadata",
            f"S21: from MLflow {written(TASK_ARGUMENT)} on, the task is an argument of log_model ({_PT})",
            f'log it again with task="{task}"',
        )
    if wanted is not None and task != wanted:
        step = f"write task: {task} in models.yaml, or log the model for {wanted}"
        yield SourceFinding(model.shown, f"logged for {task}", f"the endpoint must serve {wanted}", step)


def _signature(model: MLmodel) -> Iterator[SourceFinding]:
    lacking = " and no ".join(
        word for word, there in (("inputs", model.has_inputs), ("outputs", model.has_outputs)) if not there
    )
    if lacking:
        yield SourceFinding(
            model.shown,
            f"its signature has no {lacking}",
            "Unity Catalog requires a signature with both (docs.databricks.com: Models in Unity Catalog)",
            "log it again with the task as an argument, which adds the signature, or pass signature=",
        )


def _load(text: str, shown: str) -> object:
    """Load the YAML document; nesting so deep that libyaml would end the process is refused before it is built."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        def flatten_mapping(self, node: object) -> None:
            """Refuse merge keys: MLflow writes none, and a few lines of them can fill the memory."""

    try:
        depth = 0
        for event in yaml.parse(text, Loader=base):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise RegistrationError(f"{shown}: nested more than {MOST_DEPTH} levels deep; log the model again")
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f":{line + 1}"
        raise RegistrationError(f"{shown}{where}: not YAML; log the model again") from error


def _components(transformers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the folders in `components`: the listed ones, and the processor."""
    listed = transformers.get("components")
    names = [name for name in listed if isinstance(name, str) and name] if isinstance(listed, list) else []
    return (*names, *(("processor",) if "processor_type" in transformers else ()))


def _fetched_from(transformers: Mapping[str, Any]) -> str | None:
    """Return the place from which MLflow loads the weights if not from the folder (mlflow/transformers, `_load_model`,
    3.17).
    """
    base = _text(transformers.get("local_base_model_path"))
    if base is not None:
        return f"its weights are at {base} on the machine that logged it"
    if "source_model_revision" in transformers:
        name = _text(transformers.get("source_model_name")) or "a repository"
        return f"its weights would be fetched from the Hugging Face Hub by this machine ({name})"
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """Return a scalar as text: YAML reads 2.12 as a number."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "" else None
