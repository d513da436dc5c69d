"""Architectures that the platform does not serve, recognised by the class that a model names."""

from __future__ import annotations

from collections.abc import Iterator

from bandplan.serving.registration.sources.finding import SourceFinding

DEEPSEEK_RULE = (
    "S38: DeepSeek R1 is not available in Unity Catalog; its distilled Llama is "
    "(docs.databricks.com: Deploy legacy provisioned throughput models)"
)
_DEEPSEEK_R1 = "DeepseekV3ForCausalLM"
"""What config.json of deepseek-ai/DeepSeek-R1 has in `architectures`; its distilled models are a Llama and a Qwen2."""


def unavailable(architecture: str, place: str) -> Iterator[SourceFinding]:
    """Refuse DeepSeek R1 under any name (S38)."""
    if architecture == _DEEPSEEK_R1:
        step = "use the distilled Llama, such as deepseek-ai/DeepSeek-R1-Distill-Llama-70B"
        yield SourceFinding(place, f"{architecture} is the architecture of DeepSeek R1", DEEPSEEK_RULE, step)
