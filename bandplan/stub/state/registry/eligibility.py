"""Whether a user's registered model can be served with provisioned throughput, and why not; pure.

The platform returns only `optimizable: false`; here every reason is kept, for `/stub/models`. The rules are those of
"Provisioned throughput Foundation Model APIs" (docs.databricks.com): the transformers flavor, MLflow 2.11 or later, one
of three tasks, a supported family.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.stub.state.registry.mlmodel import MlModel
from bandplan.stub.state.registry.tasks import EMBEDDINGS, TASKS

MIN_MLFLOW = (2, 11)

FAMILY_WORDS = (
    ("llama4", "llama4"),
    ("llama", "llama"),
    ("mixtral", "mixtral"),
    ("mistral", "mistral"),
    ("mpt", "mpt"),
    ("dbrx", "dbrx"),
    ("gpt_oss", "gpt_oss"),
    ("gptoss", "gpt_oss"),
    ("bge", "bge"),
    ("gte", "gte"),
    ("newmodel", "gte"),
    ("bert", "gte"),
)
"""Prefixes of a `model_type` or class name, first match first, and their family. GTE v1.5 has the type `new`; a BERT
counts as a GTE unless the metadata says that it is a BGE. A guess: the platform's rule is not public.
"""

EMBEDDING_FAMILIES = frozenset({"gte", "bge"})

DIMENSION_OF_SIZE = {"small": 384, "base": 768, "large": 1024}
"""Vector dimension by a word of `metadata.model_type`, such as gte-base: `hidden_size` of the public config.json of
gte-base-en-v1.5, gte-large-en-v1.5 and of the three sizes of bge-*-en-v1.5, huggingface.co.
"""

SIZE_FIELDS = (
    "head_dim",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_experts_per_tok",
    "num_hidden_layers",
    "num_key_value_heads",
    "num_local_experts",
    "tie_word_embeddings",
    "vocab_size",
)
"""Field names of transformers configurations, as `stub.capacity.model_shape` reads them."""

MAX_SIZE = 10**9
"""An upper bound on any plausible size in a configuration. Arbitrary."""

MAX_DIMENSION = 8192
"""An upper bound on the dimension of any embedding model, which bounds the cost of one vector. Arbitrary."""

CONTEXT_FIELDS = ("max_position_embeddings", "max_seq_len", "n_positions", "max_sequence_length")

MAX_CONTEXT = 100_000_000
"""An upper bound on the context of any model; arbitrary."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the files of a version reveal about it; without reasons it is eligible.

    `dimension` is that of its vectors, if it is an embedding model that states one; `context_tokens` is the length its
    `config.json` says it was made for, `sizes` are the model sizes in that file.
    """

    task: str | None
    family: str | None
    reasons: tuple[str, ...]
    dimension: int | None = None
    context_tokens: int | None = None
    sizes: Mapping[str, Any] | None = None


def assess(model: MlModel, config: Mapping[str, Any] | None) -> Assessment:
    """Assess a model by its MLmodel file and the `config.json` among its files, if there is one."""
    transformers = model.transformers or {}
    task = _text(model.metadata.get("task")) or _text(transformers.get("inference_task"))
    family = _family(
        _text(model.metadata.get("model_type")),
        _text((config or {}).get("model_type")),
        _text(transformers.get("pipeline_model_type")),
    )
    dimension = _dimension(model, config or {}) if family in EMBEDDING_FAMILIES else None
    return Assessment(
        task, family, tuple(_reasons(model, task, family)), dimension, _context(config or {}), _sizes(config or {})
    )


def _reasons(model: MlModel, task: str | None, family: str | None) -> Iterator[str]:
    if model.transformers is None:
        yield f"flavor: {', '.join(sorted(map(str, model.flavors)))}; log the model with mlflow.transformers"
    if not _is_new_enough(model.mlflow_version):
        yield f"mlflow_version: {model.mlflow_version or 'not set'}; log the model with MLflow 2.11 or later"
    if task not in TASKS:
        yield f"task: {task or 'not set'}; set one of {', '.join(TASKS)}"
    if model.transformers is not None and family is None:
        yield "family: neither metadata.model_type, config.json nor the model class names a supported architecture"
    elif family is not None and task in TASKS and (task == EMBEDDINGS) != (family in EMBEDDING_FAMILIES):
        yield f"task: {task} is not a task of the family {family}"


def _family(*hints: str | None) -> str | None:
    """Return the family named by the first hint that names one."""
    for hint in hints:
        word = (hint or "").lower().replace("-", "_")
        if word == "new":
            return "gte"
        for beginning, family in FAMILY_WORDS:
            if word.startswith(beginning):
                return family
    return None


def _dimension(model: MlModel, config: Mapping[str, Any]) -> int | None:
    """Return the dimension from the checkpoint's config, else from the model type in the metadata."""
    hidden = config.get("hidden_size")
    if isinstance(hidden, int) and not isinstance(hidden, bool) and 0 < hidden <= MAX_DIMENSION:
        return hidden
    words = re.split("[-_]", (_text(model.metadata.get("model_type")) or "").lower())
    return next((DIMENSION_OF_SIZE[word] for word in words if word in DIMENSION_OF_SIZE), None)


def _context(config: Mapping[str, Any]) -> int | None:
    """Return the context length by any of its names in configurations; a nested one belongs to a multimodal model."""
    inner = config.get("text_config")
    for found in (config, inner if isinstance(inner, Mapping) else {}):
        for name in CONTEXT_FIELDS:
            length = found.get(name)
            if isinstance(length, int) and not isinstance(length, bool) and 0 < length <= MAX_CONTEXT:
                return length
    return None


def _sizes(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the sizes that determine a model's speed; nested ones belong to a multimodal model."""
    inner = config.get("text_config")
    for found in (config, inner if isinstance(inner, Mapping) else {}):
        kept = {name: found[name] for name in SIZE_FIELDS if _is_size(found.get(name))}
        if "hidden_size" in kept:
            return kept
    return None


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= MAX_SIZE


def _is_new_enough(version: str | None) -> bool:
    found = re.match(r"(\d{1,9})\.(\d{1,9})", version or "")
    return found is not None and (int(found[1]), int(found[2])) >= MIN_MLFLOW


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
