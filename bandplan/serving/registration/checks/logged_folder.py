"""A folder that MLflow has written: its MLmodel file, and whether the model that it names is present and complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from bandplan.serving.registration.checks.architecture import DEEPSEEK_RULE
from bandplan.serving.registration.checks.checkpoint import Checkpoint, checkpoint_of
from bandplan.serving.registration.checks.custom_code import custom_code
from bandplan.serving.registration.checks.mlmodel import MLmodel, findings, read_mlmodel
from bandplan.serving.registration.checks.tokenizer import template_findings, tokenizer_findings
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File, files
from bandplan.serving.registration.sources.lfs_pointer import pointer_findings
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.spec.problem import clipped

_COMPONENTS = "components"
_TOKENIZER = "tokenizer"
_RULE = "everything that the MLmodel file names is in the folder"


@dataclass(frozen=True)
class LoggedFolder:
    """The content of such a folder. `checkpoint` is None if its MLmodel names no existing folder of a model."""

    mlmodel: MLmodel
    checkpoint: Checkpoint | None
    findings: tuple[SourceFinding, ...]


def read_logged_folder(source: Source, task: str | None, model_type: str | None = None) -> LoggedFolder:
    """Read the folder of a source, with every finding against serving it for `task`.

    `model_type` is the requested one, if any. Errors: RegistrationError for a folder that cannot be listed, links
    outside itself, or has no readable MLmodel file.
    """
    mlmodel = read_mlmodel(source.path / "MLmodel", f"{source.text}/MLmodel")
    listed = files(source.path, source.text)
    found = [*findings(mlmodel, task, model_type=model_type), *pointer_findings(listed, source.text)]
    if not mlmodel.is_transformers or not mlmodel.has_weights:
        return LoggedFolder(mlmodel, None, tuple(found))
    inner, problem = _model_files(listed, mlmodel, source)
    if problem is not None:
        return LoggedFolder(mlmodel, None, (*found, problem))
    place = f"{source.text}/{mlmodel.model_folder}"
    checkpoint = checkpoint_of(inner, source.path / mlmodel.model_folder, place, mlmodel.task)
    rules = {one.rule for one in found if one.rule == DEEPSEEK_RULE}
    found += (one for one in checkpoint.findings if one.rule not in rules)
    found += _components(listed, mlmodel, source)
    return LoggedFolder(mlmodel, checkpoint, tuple(found))


def _model_files(
    listed: tuple[File, ...], mlmodel: MLmodel, source: Source
) -> tuple[tuple[File, ...], SourceFinding | None]:
    """Return the files of the folder that `model_binary` names, without its name, or the finding against it."""
    named = PurePosixPath(mlmodel.model_folder)
    if named.is_absolute() or ".." in named.parts or named == PurePosixPath("."):
        finding = f"model_binary is {clipped(mlmodel.model_folder, 120)}, which is not a folder within this one"
        step = "log the model again with mlflow.transformers.log_model, or `bandplan log-model`"
        return (), SourceFinding(mlmodel.shown, finding, _RULE, step)
    inner = _within(listed, str(named))
    if not inner:
        unsaid = "model_binary names no folder, and " if mlmodel.model_binary is None else ""
        finding = f"{unsaid}the folder {clipped(str(named), 120)} with the model's weights is missing or empty"
        step = "copy the whole artifact folder again, or log the model again"
        return (), SourceFinding(source.text, finding, _RULE, step)
    return inner, None


def _components(listed: tuple[File, ...], mlmodel: MLmodel, source: Source) -> Iterator[SourceFinding]:
    """Check the tokenizer and the other parts of the pipeline, each in a folder of its own."""
    for name in dict.fromkeys((*mlmodel.components, _TOKENIZER)):
        folder = f"{_COMPONENTS}/{name}"
        inner, place = _within(listed, folder), f"{source.text}/{folder}"
        if name == _TOKENIZER and name not in mlmodel.components:
            # MLflow before 2.4.1 stored a pipeline's tokenizer beside the weights.
            folder = mlmodel.model_folder
            inner, place = _within(listed, folder), f"{source.text}/{folder}"
        elif not inner:
            step = "copy the whole artifact folder again, or log the model again with its tokenizer"
            yield SourceFinding(source.text, f"the folder {clipped(folder, 120)} is missing or empty", _RULE, step)
            continue
        else:
            yield from pointer_findings(inner, place)
            yield from custom_code({file.name: file for file in inner}, place)
        if name == _TOKENIZER:
            present = {file.name: file for file in inner}
            yield from tokenizer_findings(present, place, is_logged=True)
            yield from template_findings(present, place, mlmodel.task)


def _within(listed: tuple[File, ...], folder: str) -> tuple[File, ...]:
    """Return the files of a folder, under their names within it."""
    prefix = f"{folder}/"
    return tuple(
        File(file.name.removeprefix(prefix), file.path, file.status) for file in listed if file.name.startswith(prefix)
    )
