"""The properties of a model that determine the relative cost of prompt, output and context.

The ratios follow from a roofline: computing a prompt token takes two operations per active parameter; generating an
output token reads all weights once per step, shared by the requests of a batch, and the keys and values of its context.
The accelerator figures are those of one H100; only their ratio matters. All of this is ours: the platform publishes no
ratios.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.stub.capacity.work import Work

OPERATIONS_PER_SECOND = 989e12 * 0.45
BYTES_PER_SECOND = 3.35e12 * 0.70
"""NVIDIA's data sheet of the H100 SXM (bf16, dense), times the fraction that serving reaches."""

BYTES_PER_VALUE = 2
MOST = 10**7
"""An upper bound on any plausible size in a config.json."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Total parameters, active parameters per token, and the size that one token adds to the key-value cache."""

    parameters: float
    active_parameters: float
    layers: int
    kv_heads: int
    head_size: int

    def work(self, weights_shared_by: int) -> Work:
        """Return the ratios in accelerator seconds, with each read of the weights shared by that number of requests."""
        cache_bytes = 2 * self.layers * self.kv_heads * self.head_size * BYTES_PER_VALUE
        return Work(
            prompt=2 * self.active_parameters / OPERATIONS_PER_SECOND,
            output=self.parameters * BYTES_PER_VALUE / BYTES_PER_SECOND / weights_shared_by,
            context=cache_bytes / BYTES_PER_SECOND,
        )


LLAMA = ModelShape(8.03e9, 8.03e9, 32, 8, 128)

OF_FAMILY: Mapping[str, ModelShape] = {
    "llama": LLAMA,
    "llama4": ModelShape(400e9, 17e9, 48, 8, 128),
    "mistral": ModelShape(7.24e9, 7.24e9, 32, 8, 128),
    "mixtral": ModelShape(46.7e9, 12.9e9, 32, 8, 128),
    "mpt": ModelShape(6.65e9, 6.65e9, 32, 32, 128),
    "dbrx": ModelShape(132e9, 36e9, 40, 8, 128),
    "gpt_oss": ModelShape(117e9, 5.1e9, 36, 8, 64),
    "gemma3": ModelShape(12.2e9, 12.2e9, 48, 8, 256),
}
"""One member of each family, from its model card and config.json on huggingface.co: Llama 3.1 8B, Llama 4 Maverick,
Mistral 7B, Mixtral 8x7B, MPT 7B, DBRX, gpt-oss-120b, Gemma 3 12B."""


def of_family(family: str | None) -> ModelShape:
    """Return the shape of a family, or Llama's if the family is unknown."""
    return OF_FAMILY.get(family or "", LLAMA)


def of_config(config: Mapping[str, Any]) -> ModelShape | None:
    """Return the shape that a transformers config.json describes, or None if it is incomplete."""
    hidden, layers = _size(config, "hidden_size"), _size(config, "num_hidden_layers")
    heads, inner = _size(config, "num_attention_heads"), _size(config, "intermediate_size")
    if hidden is None or layers is None or heads is None or inner is None:
        return None
    kv_heads = _size(config, "num_key_value_heads") or heads
    head_size = _size(config, "head_dim") or hidden // heads
    experts = _size(config, "num_local_experts") or 1
    used = min(_size(config, "num_experts_per_tok") or 1, experts)
    attention = 2 * hidden * head_size * (heads + kv_heads)
    expert = 3 * hidden * inner
    vocabulary = (_size(config, "vocab_size") or 0) * hidden * (1 if config.get("tie_word_embeddings") else 2)
    if not attention:
        return None
    return ModelShape(
        parameters=layers * (attention + experts * expert) + vocabulary,
        active_parameters=layers * (attention + used * expert) + vocabulary,
        layers=layers,
        kv_heads=kv_heads,
        head_size=head_size,
    )


def _size(config: Mapping[str, Any], key: str) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST else None
