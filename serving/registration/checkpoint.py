"""A Hugging Face checkpoint, read from its small files and the headers of its weights: does it fit the task?"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.registration.finding import Finding
from serving.registration.folder import File, files
from serving.registration.json_file import read_object
from serving.registration.size import written_parameters, written_size
from serving.registration.source import Source
from serving.registration.tasks import SHAPES, TASKS
from serving.registration.weights import Weights, read_weights

_CONFIG = "config.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_TOKENIZERS = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
_SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_GENERATORS = ("ForCausalLM", "LMHeadModel")
_MULTIMODAL_GENERATOR = "ForConditionalGeneration"

_PT = "docs.databricks.com: Provisioned throughput Foundation Model APIs"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint is. `dtype` and `parameters` are None where only pickled weights could tell."""

    folder: Path
    shown: str
    architecture: str
    model_type: str
    weights: Weights
    files: tuple[File, ...]
    findings: tuple[Finding, ...]

    @property
    def parameters(self) -> int | None:
        return self.weights.parameters

    @property
    def dtype(self) -> str | None:
        return self.weights.dtype

    @property
    def size_bytes(self) -> int:
        """Of all files that are uploaded."""
        return sum(file.size_bytes for file in self.files)

    def __str__(self) -> str:
        """One line for people: architecture, parameters, type and size."""
        counted = f"{written_parameters(self.parameters)} parameters, " if self.parameters else ""
        stored = f"{self.dtype}, " if self.dtype else ""
        return f"{self.architecture}, {counted}{stored}{written_size(self.size_bytes)}"


def read_checkpoint(source: Source, task: str | None) -> Checkpoint:
    """The checkpoint of a source, with everything found against serving it for `task`; nothing is loaded or unpickled.

    Errors: RegistrationError for a folder that cannot be listed or links outside itself.
    """
    listed = files(source.path, source.text)
    present = {file.name: file for file in listed}
    config = read_object(source.path / _CONFIG)
    weights = read_weights(present, source.text)
    architecture, findings = _architecture(config, source.text)
    findings += [
        *(_fit(architecture, config or {}, task, source.text) if architecture else ()),
        *_tokenizer(present, source.text),
        *_template(present, source, task),
        *weights.findings,
    ]
    model_type = config.get("model_type") if config else None
    return Checkpoint(
        source.path,
        source.text,
        architecture,
        model_type if isinstance(model_type, str) else "",
        weights,
        listed,
        tuple(findings),
    )


def _architecture(config: Mapping[str, Any] | None, shown: str) -> tuple[str, list[Finding]]:
    """The class of the model, which is the first of `architectures`; "" with a finding when it is not said."""
    place = f"{shown}/{_CONFIG}"
    if config is None:
        step = "save the model again with `save_pretrained`"
        return "", [Finding(place, "not a JSON object", "config.json describes the model", step)]
    match config.get("architectures"):
        case [str(first), *_] if first:
            return first, []
    finding = Finding(
        place,
        "architectures names no class",
        "MLflow takes the class of the model from there",
        'save the model again with `save_pretrained`, or add it, as in "architectures": ["LlamaForCausalLM"]',
    )
    return "", [finding]


def _fit(architecture: str, config: Mapping[str, Any], task: str | None, shown: str) -> Iterator[Finding]:
    """S21: a task is one of three, and the model's class can answer it."""
    place = f"{shown}/{_CONFIG}"
    if task is None:
        yield Finding(shown, "no task is given", f"a model is logged for one task ({_PT})", f"give one of {TASKS}")
        return
    if task not in SHAPES:
        rule = f"a model is logged for one task ({_PT})"
        yield Finding(shown, f"{task[:80]} is not a task", rule, f"give one of {TASKS}")
        return
    generates = architecture.endswith(_GENERATORS) or (
        architecture.endswith(_MULTIMODAL_GENERATOR) and config.get("is_encoder_decoder") is not True
    )
    if SHAPES[task].embeds and generates:
        yield Finding(
            place,
            f"{architecture} generates text",
            f"{task} is answered by embedding models ({_PT})",
            "use task llm/v1/chat or llm/v1/completions, or the checkpoint of an embedding model",
        )
    if not SHAPES[task].embeds and not generates:
        yield Finding(
            place,
            f"{architecture} does not generate text token by token",
            f"{task} is answered by causal language models ({_PT})",
            "use task llm/v1/embeddings if it is an embedding model, or save the model with its language-model head",
        )


def _tokenizer(present: Mapping[str, File], shown: str) -> Iterator[Finding]:
    rule = "a model is logged with its tokenizer"
    step = "save the tokenizer into the folder: `tokenizer.save_pretrained(...)`"
    if not any(all(name in present for name in names) for names in _TOKENIZERS):
        sentencepiece = next((name for name in _SENTENCEPIECE if name in present), None)
        if sentencepiece is None:
            yield Finding(shown, "no tokenizer (tokenizer.json, or a vocabulary)", rule, step)
        elif importlib.util.find_spec("sentencepiece") is None:
            finding = f"the tokenizer is in {sentencepiece} alone, and the package that reads it is not installed"
            step = "write tokenizer.json with `AutoTokenizer.from_pretrained(...).save_pretrained(...)`"
            yield Finding(shown, finding, rule, step)
    if _TOKENIZER_CONFIG not in present:
        yield Finding(shown, f"no {_TOKENIZER_CONFIG}", rule, step)


def _template(present: Mapping[str, File], source: Source, task: str | None) -> Iterator[Finding]:
    """A warning for a chat model without a chat template: its turns would be put together in some default way."""
    if task != "llm/v1/chat" or any(name in present for name in _TEMPLATES):
        return
    config = read_object(source.path / _TOKENIZER_CONFIG) or {}
    if _TOKENIZER_CONFIG in present and not config.get("chat_template"):
        yield Finding(
            f"{source.text}/{_TOKENIZER_CONFIG}",
            "no chat_template",
            "a chat model's template puts the turns of a conversation together",
            "save the tokenizer of the instruct model, or use task llm/v1/completions",
            severity="warning",
        )
