"""PEFT adapters: weights that only work on top of those of a base model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.spec.problem import clipped

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")

MERGE = "it holds an adapter: merge it into its base model (`merge_and_unload`), and save the result"


def leftover_adapter(present: Mapping[str, File], shown: str) -> Iterator[SourceFinding]:
    """Report an adapter beside a model's own weights.

    `from_pretrained` looks for adapter_config.json first. transformers 5.17 (`integrations/peft.py`,
    `maybe_load_adapters`) attaches the adapter to the weights beside it; earlier releases take the base from the hub.
    """
    if CONFIG not in present:
        return
    config = read_object(present[CONFIG].path) or {}
    base = config.get("base_model_name_or_path")
    named = clipped(base, 200) if isinstance(base, str) and base else "its base model"
    files = " and ".join(name for name in (CONFIG, *WEIGHTS) if name in present)
    yield SourceFinding(
        f"{shown}/{CONFIG}",
        "an adapter lies beside the weights",
        "if PEFT is installed, transformers attaches the adapter to the weights (changing merged weights again), or "
        f"loads {named} and attaches the adapter to that instead of to the weights beside it",
        f"remove {files} if the weights are already merged, otherwise merge it (`merge_and_unload`), "
        "and save the result",
    )
