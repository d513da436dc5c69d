"""Vectors of texts, by an embedding model."""

import json
from pathlib import Path
from typing import Any

import torch

from bandplan.stub.inference.transformers_engine.worker.model import Loaded

TEXTS_AT_ONCE = 32
"""Texts in one pass of the model. Arbitrary."""

FIRST, MEAN, LAST = "first", "mean", "last"


def pooling_of(weights: str, config: Any) -> str:
    """Return how the vectors of tokens become one.

    Sentence-transformers states it in a file of its own. Without that: the last token of a model that generates text,
    else the first, as in GTE v1.5 and BGE.
    """
    stated = Path(weights, "1_Pooling", "config.json")
    if stated.is_file():
        modes = json.loads(stated.read_text(encoding="utf-8"))
        for key, pooling in (("cls_token", FIRST), ("mean_tokens", MEAN), ("lasttoken", LAST)):
            if modes.get(f"pooling_mode_{key}"):
                return pooling
    return LAST if any("CausalLM" in one for one in config.architectures or []) else FIRST


class Embedder:
    """Call it in one thread at a time."""

    def __init__(self, loaded: Loaded, pooling: str) -> None:
        self._loaded = loaded
        self.pooling = pooling
        self.context_tokens = loaded.context_tokens

    def embed(self, texts: list[str], *, is_normalised: bool) -> list[list[float]]:
        """Return a vector for each text, in order."""
        made: list[list[float]] = []
        for first in range(0, len(texts), TEXTS_AT_ONCE):
            vectors = self._pass(texts[first : first + TEXTS_AT_ONCE]).float()
            if is_normalised:
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
            made += vectors.tolist()
        return made

    @torch.inference_mode()
    def _pass(self, texts: list[str]) -> Any:
        tokenizer, model = self._loaded.tokenizer, self._loaded.model
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        encoded = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt").to(model.device)
        hidden = model(**encoded).last_hidden_state
        mask = encoded["attention_mask"]
        match self.pooling:
            case "first":
                return hidden[:, 0]
            case "last":
                return hidden[torch.arange(len(texts), device=hidden.device), mask.sum(dim=1) - 1]
            case _:
                weights = mask.unsqueeze(-1).to(hidden.dtype)
                return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
