"""Models with random weights in the shape of real ones, and the speed that memory bandwidth allows them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BYTES = {"bfloat16": 2, "float32": 4}


@dataclass(frozen=True)
class Shape:
    """A Llama. Source of the real ones: the `config.json` of Llama 3.1 8B and Llama 3.2 1B, as published by Meta."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    is_tied: bool
    """Whether the embedding of the input is that of the output, too."""
    dtype: str = "bfloat16"

    @property
    def config(self) -> dict[str, Any]:
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "num_hidden_layers": self.layers,
            "hidden_size": self.hidden,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.hidden // self.heads,
            "intermediate_size": self.inner,
            "vocab_size": self.vocabulary,
            "tie_word_embeddings": self.is_tied,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-05,
            "rope_theta": 500000.0,
            "hidden_act": "silu",
            "bos_token_id": 0,
            "eos_token_id": 1,
            "torch_dtype": self.dtype,
        }

    def write(self, folder: Path) -> Path:
        """Write `config.json`; random weights need nothing else."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config), encoding="utf-8")
        return folder

    @property
    def read_bytes(self) -> int:
        """Bytes of weights that every step reads: all except the input embedding, of which it reads a few rows."""
        width = self.hidden // self.heads
        attention = self.hidden * width * (2 * self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.hidden * self.inner + 2 * self.hidden
        return BYTES[self.dtype] * (self.layers * layer + self.hidden + self.vocabulary * self.hidden)

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values of one token, which every later step of its answer reads."""
        return BYTES[self.dtype] * 2 * self.layers * self.kv_heads * (self.hidden // self.heads)

    def bound(self, batch: int, context: float, bytes_per_second: float) -> float:
        """Return the most tokens per second of `batch` answers with `context` tokens each, if only memory limits it."""
        step = self.read_bytes + batch * context * self.cache_bytes_per_token
        return batch * bytes_per_second / step


LLAMA_8B = Shape("8B", 32, 4096, 32, 8, 14336, 128256, is_tied=False)
LLAMA_1B = Shape("1B", 16, 2048, 32, 8, 8192, 128256, is_tied=True)
TINY = Shape("tiny", 2, 64, 4, 2, 128, 512, is_tied=False, dtype="float32")
