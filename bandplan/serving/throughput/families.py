"""Model families by name: which capacity they are sold in, for use if the platform cannot be asked.

The platform's answer takes precedence. Source of the bands: the list of models on tokens-per-second bands in "Deploy
legacy provisioned throughput models"; of the units: "Model units in provisioned throughput", both on
docs.databricks.com. A user's own model may have any name, so this table judges only names under `system.ai`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["bands", "model_units"]

# Used if a model's increment is unknown: the chunk of the documentation's example for Llama, and a size from the
# platform's examples of model units.
GUESSED_INCREMENTS: Mapping[Kind, int] = {"bands": 980, "model_units": 50}


@dataclass(frozen=True, slots=True)
class Family:
    """A family of models: its name, the capacity that it is sold in, and the model names that belong to it."""

    name: str
    kind: Kind
    pattern: str
    embeds: bool = False


# Matched in this order against the last part of the model's name, in lower case with `-` for `_` and `.`.
FAMILIES = (
    Family("DeepSeek R1 distilled Llama", "bands", r"deepseek-r1-distill\w*-llama"),  # served as the Llama it is
    Family("DeepSeek R1", "bands", r"deepseek-r1(?!-distill)"),
    Family("Llama 4 Maverick", "model_units", r"llama-v?4-maverick"),
    Family("Meta Llama 3.3", "bands", r"llama-v?3-3(?!\d*b)"),
    Family("Meta Llama 3.2 3B", "bands", r"llama-v?3-2-3b"),
    Family("Meta Llama 3.2 1B", "bands", r"llama-v?3-2-1b"),
    Family("Meta Llama 3.1", "bands", r"llama-v?3-1(?!\d*b)"),
    Family("Meta Llama 3", "bands", r"llama-v?3-\d+b"),
    Family("Meta Llama 2", "bands", r"llama-?v?2(?!\d)"),
    Family("GTE v1.5 (English)", "bands", r"gte-(base|large)-en-v1-5", embeds=True),
    Family("BGE v1.5 (English)", "bands", r"bge-(small|base|large)-en-v1-5", embeds=True),
    Family("DBRX", "bands", r"dbrx"),
    Family("Mixtral", "bands", r"mixtral"),
    Family("Mistral", "bands", r"mistral"),
    Family("MPT", "bands", r"(?<![a-z])mpt(?![a-z])"),
    Family("GPT OSS", "model_units", r"gpt-oss"),
    Family("Gemma 3 12B", "model_units", r"gemma-3-12b"),
    Family("Qwen3 Embedding", "model_units", r"qwen3-embedding", embeds=True),
)

# Names to suggest for a mistyped one; not a list of a workspace's models.
SYSTEM_AI_MODELS = (
    "system.ai.llama_v3_3_70b_instruct",
    "system.ai.meta_llama_v3_3_70b_instruct",
    "system.ai.meta_llama_v3_1_405b_instruct",
    "system.ai.meta_llama_v3_1_70b_instruct",
    "system.ai.meta_llama_v3_1_8b_instruct",
    "system.ai.llama_v3_2_3b_instruct",
    "system.ai.llama_v3_2_1b_instruct",
    "system.ai.llama-4-maverick",
    "system.ai.gte_large_en_v1_5",
    "system.ai.bge_large_en_v1_5",
    "system.ai.gpt-oss-120b",
    "system.ai.gpt-oss-20b",
    "system.ai.gemma-3-12b",
    "system.ai.qwen3-embedding-0-6b",
    "system.ai.mixtral_8x7b_instruct",
    "system.ai.dbrx_instruct",
    "system.ai.deepseek_r1_distill_llama_70b",
    "system.ai.deepseek_r1_distill_llama_8b",
)


@lru_cache(maxsize=4096)
def family_of(model: str) -> Family | None:
    """Return the family that the last part of a model's name indicates, in any catalog."""
    last = re.sub(r"[_.]", "-", model.rsplit(".", 1)[-1].lower())
    return next((family for family in FAMILIES if re.search(family.pattern, last)), None)


def is_preinstalled(model: str) -> bool:
    """Whether the model is one of Unity Catalog's own, under `system.ai`."""
    return model.lower().startswith("system.ai.")
