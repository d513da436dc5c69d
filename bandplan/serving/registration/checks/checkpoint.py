"""A Hugging Face checkpoint, read from its small files and the headers of its weights, and whether it fits the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bandplan.serving.registration.checks.architecture import unavailable
from bandplan.serving.registration.checks.custom_code import custom_code
from bandplan.serving.registration.checks.tokenizer import template_findings, tokenizer_findings
from bandplan.serving.registration.checks.weights import Weights, read_weights
from bandplan.serving.registration.sources.adapter import leftover_adapter
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File, files
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.registration.sources.lfs_pointer import is_pointer, pointer_findings
from bandplan.serving.registration.sources.size import written_parameters, written_size
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.spec.tasks import CHAT, COMPLETIONS, EMBEDDINGS, NAMES, TASKS

_CONFIG = "config.json"
_GENERATORS = ("ForCausalLM", "LMHeadModel")
_MULTIMODAL_GENERATOR = "ForConditionalGeneration"

_PT = "docs.databricks.com: Provisioned throughput Foundation Model APIs"


@dataclass(frozen=True)
class Checkpoint:
    """The facts of a checkpoint. `dtype` and `parameters` are None if only pickled weights could reveal them."""

    folder: Path
    shown: str
    architecture: str
    model_type: str
    weights: Weights
    files: tuple[File, ...]
    findings: tuple[SourceFinding, ...]

    @property
    def parameters(self) -> int | None:
        return self.weights.parameters

    @property
    def dtype(self) -> str | None:
        return self.weights.dtype

    @property
    def size_bytes(self) -> int:
        """Total size of the files to upload."""
        return sum(file.size_bytes for file in self.files)

    def __str__(self) -> str:
        """Describe the checkpoint in one line: architecture, parameters, type and size."""
        counted = f"{written_parameters(self.parameters)} parameters, " if self.parameters else ""
        stored = f"{self.dtype}, " if self.dtype else ""
        return f"{self.architecture}, {counted}{stored}{written_size(self.size_bytes)}"


def read_checkpoint(source: Source, task: str | None) -> Checkpoint:
    """Read the checkpoint of a source, with every finding against serving it for `task`; nothing is loaded or
    unpickled.

    Errors: RegistrationError for a folder that cannot be listed or links outside itself.
    """
    listed = files(source.path, source.text)
    checkpoint = checkpoint_of(listed, source.path, source.text, task)
    present = {file.name: file for file in listed}
    found = (
        *_task(task, source.text),
        *tokenizer_findings(present, source.text),
        *template_findings(present, source.text, task),
    )
    return replace(checkpoint, findings=(*checkpoint.findings, *found))


def checkpoint_of(listed: tuple[File, ...], folder: Path, shown: str, task: str | None) -> Checkpoint:
    """Read the model of these files, with every finding except those about the task itself and the tokenizer."""
    present = {file.name: file for file in listed}
    config = read_object(present[_CONFIG].path) if _CONFIG in present else None
    weights = read_weights(present, shown)
    architecture, findings = _architecture(config, present, shown)
    findings += [
        *unavailable(architecture, f"{shown}/{_CONFIG}"),
        *(_fit(architecture, config or {}, task, shown) if architecture and task is not None else ()),
        *leftover_adapter(present, shown),
        *weights.findings,
        *pointer_findings(listed, shown),
        *custom_code(present, shown),
    ]
    model_type = config.get("model_type") if config else None
    return Checkpoint(
        folder,
        shown,
        architecture,
        model_type if isinstance(model_type, str) else "",
        weights,
        listed,
        tuple(findings),
    )


def _architecture(
    config: Mapping[str, Any] | None, present: Mapping[str, File], shown: str
) -> tuple[str, list[SourceFinding]]:
    """Return the class of the model, which is the first of `architectures`; "" and a finding if none is given."""
    place = f"{shown}/{_CONFIG}"
    if _CONFIG not in present:
        step = "save the model again with `save_pretrained`, or copy the file into the folder"
        return "", [SourceFinding(shown, f"no {_CONFIG}", "config.json describes the model", step)]
    if config is None:
        if is_pointer(present[_CONFIG]):
            return "", []
        step = "save the model again with `save_pretrained`"
        return "", [SourceFinding(place, "not a JSON object", "config.json describes the model", step)]
    match config.get("architectures"):
        case [str(first), *_] if first:
            return first, []
    finding = SourceFinding(
        place,
        "architectures names no class",
        "architectures in config.json names the model's class",
        'save the model again with `save_pretrained`, or add it, as in "architectures": ["LlamaForCausalLM"]',
    )
    return "", [finding]


def _task(task: str | None, shown: str) -> Iterator[SourceFinding]:
    """Check S21: a task is one of three."""
    rule = f"a model is logged for one task ({_PT})"
    if task is None:
        yield SourceFinding(shown, "no task is given", rule, f"give one of {NAMES}")
    elif task not in TASKS:
        yield SourceFinding(shown, f"{task[:80]} is not a task", rule, f"give one of {NAMES}")


def _fit(architecture: str, config: Mapping[str, Any], task: str, shown: str) -> Iterator[SourceFinding]:
    """Check S21: the model's class can answer the task."""
    place = f"{shown}/{_CONFIG}"
    if task not in TASKS:
        return
    generates = architecture.endswith(_GENERATORS) or (
        architecture.endswith(_MULTIMODAL_GENERATOR) and config.get("is_encoder_decoder") is not True
    )
    if TASKS[task].embeds and generates:
        yield SourceFinding(
            place,
            f"{architecture} generates text",
            f"{task} is answered by embedding models ({_PT})",
            f"use task {CHAT} or {COMPLETIONS}, or the checkpoint of an embedding model",
        )
    if not TASKS[task].embeds and not generates:
        yield SourceFinding(
            place,
            f"{architecture} does not generate text token by token",
            f"{task} is answered by causal language models ({_PT})",
            f"use task {EMBEDDINGS} if it is an embedding model, or save the model with its language-model head",
        )
